from __future__ import annotations
from decimal import Decimal
class InsufficientFunds(Exception): ...
class Account:
    def __init__(self, owner: str, balance: Decimal = Decimal(0)) -> None:
        self.owner, self._balance = owner, balance
        self._history: list[tuple[str, Decimal]] = []
    def withdraw(self, amount: Decimal) -> None:
        if amount > self._balance:
            raise InsufficientFunds(f"{self.owner} has {self._balance}, needs {amount}")
        self._balance -= amount
        self._history.append(("withdraw", -amount))
    def deposit(self, amount: Decimal) -> Account:
        self._balance += amount
        self._history.append(("deposit", amount))
        return self
    def __enter__(self): 
        self.__saved = (self._balance, list(self._history))
        return self
    def __exit__(self, kind, *_):
        if kind:
            self._balance, self._history = self.__saved
        return kind is InsufficientFunds
def run():
    account = Account("Li").deposit(Decimal("10.50"))
    with account:
        account.withdraw(Decimal(5))
        account.withdraw(Decimal(50))
    return [str(account._balance), [(k, str(v)) for k, v in account._history]]
