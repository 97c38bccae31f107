"""Pictures of results, drawn with matplotlib: ``pip install funnelkit[charts]``.

Each function takes a result and returns a `matplotlib.figure.Figure` that belongs to nobody: no window, no
global state. Save it with ``figure.savefig("funnel.png")``; a notebook shows it by itself. Names are in the
language of the result: ``funnel_chart(funnel.labelled("ru"))``.
"""

from funnelkit.analytics.charts.cohorts import cohort_chart
from funnelkit.analytics.charts.funnels import funnel_chart
from funnelkit.analytics.charts.people import funnel_plot
from funnelkit.analytics.charts.sankeys import sankey_chart

__all__ = ["cohort_chart", "funnel_chart", "funnel_plot", "sankey_chart"]
