"""Requests. Each is one transaction, because the settings say ATOMIC_REQUESTS."""

from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from funnelkit import money
from funnelkit.errors import ConflictError, NotFoundError, RefusedError
from shop.models import Order, engine


@csrf_exempt
@require_POST
def create(request: HttpRequest) -> JsonResponse:
    """Take down a new deal."""
    value = money(request.POST["value"], "RUB")
    deal = engine.using(connection).create(request.POST["name"], value=value, stage="offer")
    return JsonResponse({"deal": deal.id}, status=201)


@csrf_exempt
@require_POST
def win(_: HttpRequest, id: str) -> JsonResponse:
    """Win a deal and place its order. Whatever is raised takes back both."""
    try:
        deal = engine.using(connection).win(id)
    except NotFoundError:
        return JsonResponse({"error": "нет такой сделки"}, status=404)
    except (RefusedError, ConflictError) as refused:
        return JsonResponse({"error": str(refused)}, status=409)
    order = Order.objects.create(deal=deal.id, total=deal.value.amount)
    return JsonResponse({"order": order.pk}, status=201)


urlpatterns = [path("deals", create), path("deals/<id>/win", win)]
