def größe(länge, höhe=2):
    return länge * höhe
class Größe:
    def __init__(self, wert): self.wert = wert
变量 = 3
def run():
    return [größe(2), Größe(5).wert, 变量]
