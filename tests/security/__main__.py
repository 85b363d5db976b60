"""`python -m tests.security [-v] [SET...]`: the table of attacks on the kernel's layers, by class, for each set of layers."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict

from tests.security.breach_layers import SETS
from tests.security.breaches import Range, corpus, put_out, user


def main() -> int:
    """Print it; 1 where anything gets through all layers, or the filter of system calls alone."""
    chosen = [name for name in sys.argv[1:] if name in SETS] or list(SETS)
    attacks = corpus()
    through: dict[str, Counter[str]] = defaultdict(Counter)
    receipts = {}
    with put_out() as canaries:
        for layers in chosen:
            place = Range(layers, canaries)
            receipts[layers] = ", ".join(place.layers)
            for attack in attacks:
                verdict = place.attack(attack)
                through[attack.category][layers] += bool(verdict.hole)
                if verdict.hole or "-v" in sys.argv:
                    ended = verdict.ending.failure or verdict.said or verdict.ending.cause.name
                    print(
                        f"{layers:9} {attack.name:45} {'THROUGH ' + verdict.hole if verdict.hole else ended}",
                        file=sys.stderr,
                    )
            place.close()
    print(f"Attacks that get through, as {user()}, by the kernel's filters that are on:\n")
    print(f"| class | attacks | {' | '.join(chosen)} |")
    print("|---|---|" + "---|" * len(chosen))
    totals = Counter(attack.category for attack in attacks)
    for category in sorted(totals):
        cells = " | ".join(str(through[category][layers]) for layers in chosen)
        print(f"| {category} | {totals[category]} | {cells} |")
    sums = " | ".join(str(sum(through[category][layers] for category in totals)) for layers in chosen)
    print(f"| all | {len(attacks)} | {sums} |\n")
    for layers, receipt in receipts.items():
        print(f"{layers}: {receipt}")
    return int(any(through[category][layers] for category in totals for layers in ("all", "seccomp")))


if __name__ == "__main__":
    sys.exit(main())
