"""The whole way, once: a lead comes in, becomes a deal, is won, and is counted."""

from funnelkit import Engine, Pipeline, Stage, money, templates

sales = Pipeline(
    "sales",
    [
        Stage("new", label="Новая заявка", probability=0.05),
        Stage("qualified", probability=0.20, limit="14d"),
        Stage("proposal", probability=0.50, requires=("value",)),
    ],
    close_reasons={"lost": ["price", "competitor"]},
)
engine = Engine(templates.lead_intake(), sales)  # in memory; store="sqlite:///crm.db" keeps it

lead = engine.capture("Ada Lovelace", company_name="Acme", source="webinar")
deal = engine.convert(lead, deal="Acme, 40 seats", value=money("12000", "EUR"), owner="sam").deal

deal = engine.advance(deal)  # new → qualified
deal = engine.move(deal, to="proposal", actor="sam")
deal = engine.win(deal, actor="sam")

for move in engine.history(deal):
    print(move)
print(engine.funnel())
