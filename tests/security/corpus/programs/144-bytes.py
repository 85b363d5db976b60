def run():
    b = b"\x00\x01\xff" + bytes(2) + "é".encode("utf-8")
    return [b.hex(), b[2], list(b[:3]), int.from_bytes(b[:2], "big"), (1024).to_bytes(2, "little").hex(), bytes.fromhex("0a0b") == b"\n\x0b", b.find(b"\xff"), [p.decode() for p in b"a,b".split(b",")], "ä".encode("latin-1").decode("latin-1"), (b"%d" % 5).decode(), "\u4e2d".encode().decode("utf-8", "replace"), b"abc".decode("ascii")]
