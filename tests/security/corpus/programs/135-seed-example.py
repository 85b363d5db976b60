def calculate():
    result = 1 + 2 * 3
    print(f"结果: {result}")
    return result
def run():
    return {"结果": calculate(), "time": "延时计算任务"}
