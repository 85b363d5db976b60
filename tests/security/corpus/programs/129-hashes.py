import base64, binascii, hashlib, hmac, html, secrets, struct, textwrap, unicodedata, urllib.parse, uuid, zlib
from urllib.parse import parse_qs, quote, urlencode, urlparse
def run():
    u = urlparse("https://user@example.com:8443/a/b?x=1&y=2#frag")
    return [hashlib.sha256(b"abc").hexdigest(), hashlib.md5("ü".encode()).hexdigest(), hashlib.new("sha1", b"x").hexdigest(), hmac.new(b"k", b"m", hashlib.sha256).hexdigest(), base64.b64encode(b"hi").decode(), base64.urlsafe_b64decode("aGk=").decode(), binascii.hexlify(b"a").decode(), html.escape("<a&b>"), html.unescape("&lt;&eacute;"), len(secrets.token_hex(8)),
            struct.unpack("<HI", struct.pack("<HI", 1, 2)), textwrap.dedent("  a\n  b"), textwrap.wrap("a bb ccc dddd", 6), unicodedata.normalize("NFKD", "é")[0], [u.hostname, u.port, u.path, u.query, u.username], parse_qs(u.query), quote("a b/ü"), urlencode({"q": "a b", "n": 1}), urllib.parse.urljoin("http://a/b/c", "../d"), str(uuid.uuid5(uuid.NAMESPACE_DNS, "x.org")), len(str(uuid.uuid4())), zlib.decompress(zlib.compress(b"abc" * 9)).decode(), zlib.crc32(b"abc")] [0:9] + [hashlib.blake2b(b"x", digest_size=4).hexdigest()]
