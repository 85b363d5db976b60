from django.urls import path
from myapp import probes, views
from rest_framework.decorators import api_view

urlpatterns = [
    path("run/", api_view(["GET"])(views.my_view)),
    path("late/", probes.late),
    path("login/<name>/", probes.login),
    path("call/<method>/", probes.call),
    path("odd/", probes.odd),
    path("creator/", probes.creator),
    path("failing/", probes.failing),
]
