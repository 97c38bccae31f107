"""What columns, metrics and definitions are called: in English, and in Russian.

English names are the names in the code, without underscores. Russian ones are in `RUSSIAN`. The
sentences of a definition stay English.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from funnelkit.errors import InputError, shown

__all__ = ["ENGLISH", "RUSSIAN", "Language", "Words", "words_in"]

Language = Literal["en", "ru"]

RUSSIAN: dict[str, str] = {
    # what every table says
    "of": "по воронке",
    "by": "по",
    "mix": "состав",
    "as of": "на",
    "no rows": "нет строк",
    "(none)": "(нет)",
    "yes": "да",
    "no": "нет",
    "population": "совокупность",
    "time axis": "ось времени",
    "zone": "часовой пояс",
    "data quality": "качество данных",
    "incomplete": "не окончательно",
    # metrics and definitions
    "funnel": "воронка",
    "reached": "по достигнутому этапу",
    "visited": "классическая",
    "bitrix24": "конверсионная, как в Битрикс24",
    "all previous": "через все этапы",
    "ordered": "по порядку",
    "strict": "строго подряд",
    "unordered": "в любом порядке",
    "closed": "по закрытым",
    "entries": "счётчик входов",
    "transitions": "переходы",
    "every move": "каждый переход",
    "time in stage": "время на этапе",
    "stays": "пребывания",
    "days to win": "дней до выигрыша",
    "created to won": "от создания до выигрыша",
    "win rate": "доля выигранных",
    "created": "создано",
    "loss reasons": "причины отказа",
    "people": "менеджеры",
    "potential": "потенциал",
    "by owner": "по менеджерам",
    "by source": "по источникам",
    "by campaign": "по кампаниям",
    "by repeat": "по повторности",
    "by month": "по месяцам",
    "by quarter": "по кварталам",
    # pictures
    "some records are still open": "часть записей ещё в работе",
    "closed records": "закрытых записей",
    "adjusted win rate": "доля выигранных с поправкой на состав",
    "by age": "к возрасту",
    "days": "дней",
    "age in days": "возраст, дней",
    "limits with overdispersion": "границы с учётом избыточного разброса",
    "won so far": "выиграно на сегодня",
    "not all that old yet": "ещё не все такого возраста",
    "(start)": "(начало)",
    "(open)": "(в работе)",
    "(elsewhere)": "(другая воронка)",
    "(later)": "(позже)",
    "(a stage of the past)": "(прежний этап)",
    # columns
    "group": "группа",
    "stage": "этап",
    "label": "название",
    "count": "число",
    "of_previous": "от предыдущего",
    "of_first": "от первого",
    "sums": "суммы",
    "lost": "проиграно",
    "void": "брак",
    "open": "в работе",
    "won": "выиграно",
    "went_back": "вернулись",
    "skipped": "пропустили",
    "moved_away": "ушли в другую воронку",
    "source": "откуда",
    "target": "куда",
    "records": "записей",
    "share": "доля",
    "of_all": "от всех",
    "p10": "10 %",
    "p25": "25 %",
    "p50": "медиана",
    "p75": "75 %",
    "p90": "90 %",
    "total_days": "всего дней",
    "km_p25": "КМ 25 %",
    "km_p50": "КМ медиана",
    "km_p75": "КМ 75 %",
    "reason": "причина",
    "text": "текст",
    "timed": "с временем",
    "rate": "доля",
    "so_far": "пока",
    "complete": "окончательно",
    "won_sums": "сумма выигранных",
    "lost_sums": "сумма проигранных",
    "win_rate": "доля выигранных",
    "median_to_win": "медиана до выигрыша",
    "unpriced": "без суммы",
    "unweighted": "без вероятности",
    "weighted": "взвешенно",
    # funnels of steps
    "all_previous": "через все этапы",
    "attempts": "по попыткам",
    "direct moves": "прямые переходы",
    "funnel trend": "динамика воронки",
    "time to convert": "время до конверсии",
    "period": "период",
    "converted": "дошло",
    "longest": "самое долгое",
    "mean": "в среднем",
    "direct": "прямо дальше",
    "ratio": "отношение",
    # flow, chances and drift
    "stock": "остатки",
    "at an instant": "на момент",
    "flow": "движение",
    "stock and flow": "остатки и движение",
    "paths": "пути",
    "whole paths": "пути целиком",
    "sankey": "потоки",
    "by stage": "по этапам",
    "by step": "по шагам",
    "chances": "шансы",
    "absorbing chain": "поглощающая цепь",
    "landmarks": "по времени на этапе",
    "markov": "проверка цепи",
    "Pearson's test": "критерий Пирсона",
    "estimates": "оценки",
    "in force": "действующие",
    "drift": "изменения",
    "periods": "периоды",
    "step rate": "конверсия этапа",
    "stay time": "время на этапе",
    "instant": "момент",
    "start": "начало",
    "end": "конец",
    "entered": "пришло",
    "left": "ушло",
    "handed": "передано",
    "reopened": "возобновлено",
    "start_sums": "сумма на начало",
    "entered_sums": "сумма пришедших",
    "left_sums": "сумма ушедших",
    "changed_sums": "изменение сумм",
    "end_sums": "сумма на конец",
    "path": "путь",
    "step": "шаг",
    "out": "уходов",
    "win": "шанс выигрыша",
    "lose": "шанс проигрыша",
    "mean_stay": "в среднем на этапе",
    "remaining": "осталось",
    "expected": "ожидается",
    "against": "по чему",
    "moves": "переходов",
    "statistic": "статистика",
    "df": "степеней свободы",
    "p": "p",
    "holds": "цепь верна",
    "age": "уже на этапе",
    "watched": "наблюдалось",
    "record": "запись",
    "value": "сумма",
    "manual": "менеджер",
    "model": "модель",
    "by_stage": "этап",
    "cap": "предел",
    "chance": "шанс",
    "said_by": "чья оценка",
    "capped": "ограничено",
    "way": "куда изменилось",
    "before": "до",
    "after": "после",
    "alarm": "сигнал",
    "changed": "изменилось",
    "peak": "максимум",
    "run_length": "ложный сигнал раз в",
    "found_after": "находит через",
    "false_alarm": "шанс ложного сигнала",
    "spans": "отрезков",
}


class Words:
    """Names in one language.

    >>> Words(RUSSIAN)("of_previous"), Words({})("of_previous")
    ('от предыдущего', 'of previous')
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = known

    def __call__(self, name: str) -> str:
        """Return what ``name`` is called; what has no name in the language keeps its own."""
        if name in self._known:
            return self._known[name]
        what, by, field = name.partition("by custom.")
        if by and "by" in self._known:
            return f"{self(what.strip())} {self('by')} custom.{field}".strip()
        return name.replace("_", " ")


ENGLISH = Words({})
_LANGUAGES: dict[str, Words] = {"en": ENGLISH, "ru": Words(RUSSIAN)}


def words_in(language: str) -> Words:
    """Return the names in a language. Raises InputError for any but ``"en"`` and ``"ru"``."""
    if language not in _LANGUAGES:
        raise InputError("language", f"{shown(language)} is not spoken here", 'give "en" or "ru"')
    return _LANGUAGES[language]
