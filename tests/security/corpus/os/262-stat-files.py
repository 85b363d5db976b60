# attack: stat-files
# layer: os (assumes the language layer is already broken: run as plain Python)
# class: leak
# success: finds out which files there are, which Landlock does not hide
import os
def run():
    return "PWNED %d" % os.stat("/etc/passwd").st_size
