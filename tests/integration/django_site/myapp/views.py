# The lines between the two rules are those of the first request (task tracking, "注册任务"), to the letter.
import site_celery  # the app that shared tasks are of
from rest_framework.response import Response

arg1, arg2 = 1, 'x'

# ----------------------------------------------------------------------------
from task_manager.utils import register_task_execution
from celery import shared_task

@shared_task(name='myapp.tasks.my_task')
def my_task(arg1, arg2):
    # Task implementation
    pass

# 在视图中触发任务
def my_view(request):
    task = my_task.delay(arg1, arg2)

    # 注册任务到统一管理系统
    register_task_execution(
        task_id=task.id,
        task_name='myapp.tasks.my_task',
        module='myapp',
        task_kwargs={'arg1': arg1, 'arg2': arg2},
        created_by=request.user if request.user.is_authenticated else None,
        metadata={'source': 'manual_trigger'}
    )

    return Response({'task_id': task.id})
# ----------------------------------------------------------------------------
