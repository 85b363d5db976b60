# attack: import-error-path
# layer: language
# class: leak
# success: ImportError tells of files of the host
import json
def run():
    try:
        from json import decoder
    except ImportError as e:
        return "PWNED" if e.path else "no"
