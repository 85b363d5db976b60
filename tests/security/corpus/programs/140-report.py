from collections import defaultdict
from datetime import date
import json
def parse(lines):
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            day, amount, *tags = line.split(",")
            yield {"day": date.fromisoformat(day), "amount": round(float(amount), 2), "tags": [t.strip() for t in tags]}
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
def run():
    data = """# ledger
    2026-01-03,10.5,food, home
    2026-01-09,3.25,food
    2026-02-01,100,rent
    """
    totals, by_tag = defaultdict(float), defaultdict(list)
    for row in parse(data.splitlines()):
        totals[f"{row['day']:%Y-%m}"] += row["amount"]
        for tag in row["tags"]:
            by_tag[tag].append(row["amount"])
    report = "\n".join(f"{month:<8}{total:>10.2f}" for month, total in sorted(totals.items()))
    try:
        list(parse(["x,y"]))
    except ValueError as error:
        failed = str(error)
    return json.loads(json.dumps({"report": report, "tags": by_tag, "failed": failed[:6]}))
