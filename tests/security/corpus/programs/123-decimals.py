from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, getcontext, localcontext
from fractions import Fraction
def run():
    price = Decimal("19.995").quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    getcontext().prec = 30
    third = Decimal(1) / 3
    with localcontext() as context:
        context.prec = 5
        short = Decimal(1) / 3
    try:
        Decimal("abc")
    except InvalidOperation:
        error = True
    total = sum((Decimal(x) for x in ("0.1", "0.2")), Decimal(0))
    return [str(price), str(third), str(short), error, str(total), total == Decimal("0.3"), f"{price:,.1f}", str(Fraction(1, 3) + Fraction("1/6")), Fraction(0.5).denominator, round(Decimal("2.675"), 2) == Decimal("2.68"), str(Decimal(10).sqrt())[:6]]
