_cache = {}
_LIMIT = 3
def _helper(_x, *_rest, **_options):
    return (_x, len(_rest), sorted(_options))
class Account:
    _count = 0
    def __init__(self, owner):
        self._owner = owner
        self.__balance = 0
        Account._count += 1
    def deposit(self, amount):
        self.__balance += amount
        self._log(amount)
        return self
    def _log(self, amount):
        _cache[self._owner] = _cache.get(self._owner, 0) + amount
    @property
    def balance(self):
        return self.__balance
def run():
    account = Account("li").deposit(5).deposit(7)
    _local = [_y for _y in range(_LIMIT)]
    try:
        raise ValueError("x")
    except ValueError as _error:
        text = str(_error)
    return [account.balance, account._owner, Account._count, _cache, _helper(1, 2, 3, a=4), _local, text, getattr(account, "_owner"), hasattr(account, "_none")]
