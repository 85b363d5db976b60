# attack: coroutine-frame
# layer: language
# class: escape
# success: a coroutine has a frame
def run():
    async def f():
        pass
    return "PWNED " + repr(f().cr_frame)
