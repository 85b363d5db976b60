# attack: executable-memory
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: exec
# success: memory that it can write instructions into and run
import mmap
def run():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    return "PWNED"
