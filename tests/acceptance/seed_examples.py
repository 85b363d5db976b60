"""The JSON bodies of the task system's first description, word for word. Every one of them must work as it is."""

from __future__ import annotations

CODE = r"""{
  "name": "计算任务",
  "task_type": "immediate",
  "function_code": "def calculate():\n    return 1 + 2 * 3",
  "function_name": "calculate"
}"""

API = r"""{
  "name": "获取数据",
  "task_type": "immediate",
  "api_url": "https://api.example.com/data",
  "method": "GET",
  "timeout": 30
}"""

CODE_NOW = r"""{
  "name": "立即计算任务",
  "task_type": "immediate",
  "function_code": "def hello_world():\n    return 'Hello World!'",
  "function_name": "hello_world"
}"""

CODE_LATER = r"""{
  "name": "延时计算任务",
  "task_type": "delayed",
  "delay_seconds": 60,
  "function_code": "def calculate():\n    return 1 + 2 * 3",
  "function_name": "calculate"
}"""

CODE_BY_CRON = r"""{
  "name": "定时计算任务",
  "task_type": "scheduled",
  "cron_expression": "0 0 * * *",
  "function_code": "def daily_report():\n    return '日报生成完成'",
  "function_name": "daily_report"
}"""

API_NOW = r"""{
  "name": "立即API请求",
  "task_type": "immediate",
  "api_url": "https://httpbin.org/get",
  "method": "GET",
  "timeout": 30
}"""

API_LATER = r"""{
  "name": "延时API请求",
  "task_type": "delayed",
  "delay_seconds": 300,
  "api_url": "https://httpbin.org/post",
  "method": "POST",
  "data": {"message": "延时请求"},
  "timeout": 30
}"""

API_BY_CRON = r"""{
  "name": "定时API请求",
  "task_type": "scheduled",
  "cron_expression": "*/5 * * * *",
  "api_url": "https://httpbin.org/status/200",
  "method": "GET",
  "timeout": 30
}"""

ALL = {
    "code": CODE,
    "api": API,
    "code-immediate": CODE_NOW,
    "code-delayed": CODE_LATER,
    "code-scheduled": CODE_BY_CRON,
    "api-immediate": API_NOW,
    "api-delayed": API_LATER,
    "api-scheduled": API_BY_CRON,
}
