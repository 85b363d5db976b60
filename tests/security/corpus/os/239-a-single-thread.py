# attack: a-single-thread
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: dos-fork
# success: a thread, which shares the memory and the filter, but not the account of its limits
import _thread, time
def run():
    _thread.start_new_thread(time.sleep, (0,))
    return "PWNED"
