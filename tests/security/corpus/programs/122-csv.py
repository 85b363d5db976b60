import csv, io
def run():
    text = 'name,age,city\n"Smith, J",30,Paris\nLi,25,Beijing\n'
    rows = list(csv.DictReader(io.StringIO(text)))
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=["name", "age"], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda r: int(r["age"])))
    plain = csv.writer(out, delimiter=";", quoting=csv.QUOTE_ALL)
    plain.writerow([1, "a;b", None])
    print("total", sum(int(r["age"]) for r in rows), file=out)
    return [rows, out.getvalue(), list(csv.reader(["a|b", "c|d"], delimiter="|")), [line.split("=") for line in "k=v\nx=y".splitlines()]]
