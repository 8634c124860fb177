"""The demo: days of a shop from raw files to gold and to scores, as they land; then once more, and nothing moves."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

HOME = Path(".aurify/demo")
DAYS = 3
SCORES = "gold.card_fraud_scores"
HISTORY = 45  # days of card payments before the first: features look back a month, findings take a week
BALANCE = {
    "assayed": ("quarantined", "dropped", "superseded", "offered"),
    "offered": ("inserted", "updated", "deleted", "stale", "unchanged"),
}


def main() -> int:
    """Run the demo in a folder of its own; exits 0 if every refresh did and the last one had nothing to do."""
    shutil.rmtree(HOME, ignore_errors=True)
    os.environ["AURIFY_WAREHOUSE"] = str((HOME / "warehouse").resolve())
    os.environ["AURIFY_SOURCES"] = str((HOME / "sources").resolve())

    from rich.console import Console
    from rich.table import Table

    import aurify
    from retail.generate import generate

    screen = Console()
    lake = aurify.connect("local")
    code = 0
    for day in range(1, DAYS + 1):
        landed = generate(lake.spark, os.environ["AURIFY_SOURCES"], days=day, landed=day - 1, history=HISTORY)
        screen.rule(f"day {day}: {landed.files} files land, {landed.lines:,} lines, {landed.faults} planted faults")
        screen.print(f"{landed.payments:,} card payments so far, frauds by pattern {landed.frauds}")
        report = lake.refresh()
        code = max(code, report.exit_code)
        for table in report.tables.values():
            for batch in table.batches:
                terms = batch.balance.as_dict()
                screen.print(f"[bold]{table.table}[/bold] batch {batch.number}, {batch.seconds:.1f} s")
                for whole, parts in BALANCE.items():
                    told = " + ".join(f"{terms[part]:,} {part}" for part in parts if terms[part]) or "0"
                    removed = f" + {terms['removed']:,} removed" if whole == "offered" and terms["removed"] else ""
                    screen.print(f"  {terms[whole]:,} {whole}{removed} = {told}")

    screen.rule("what failed, and why")
    reasons = lake.quarantine("silver.pos_lines").selectExpr("explode(_failed) AS reason").groupBy("reason.id").count()
    why = Table("rule", "rows")
    for row in sorted(reasons.collect(), key=lambda row: -row["count"])[:8]:
        why.add_row(row["id"], str(row["count"]))
    screen.print(why)
    one = lake.quarantine("silver.pos_lines").select("_pointers", "_raw", "_failed.id").first()
    if one is not None:
        screen.print(f"one of them: {one['_pointers']}, what the cast destroyed: {one['_raw']}, rules: {one['id']}\n")

    screen.rule("gold: the best days and products")
    lake.sql("SELECT * FROM gold.daily_sales ORDER BY net_amount DESC LIMIT 5").show(truncate=False)

    screen.rule("features: the terminals where most was fraud, as far as it was known on the last day")
    lake.sql(
        "SELECT terminal_id, max(count_30d_after_7d) AS payments, max(share_is_fraud_30d_after_7d) AS share "
        "FROM gold.terminal_risk WHERE paid_date = (SELECT max(paid_date) FROM gold.terminal_risk) "
        "GROUP BY terminal_id ORDER BY share DESC NULLS LAST, payments DESC LIMIT 5"
    ).show()

    screen.rule("a model of frauds: trained on a week, judged by the week whose answers came last")
    trained = lake.train("card_fraud")
    usual = ("rows", "positives", "roc_auc", "average_precision", "recall_at_precision", "precision_at_100")
    screen.print({name: trained.metrics[name] for name in usual if name in trained.metrics})
    for check in trained.checks:
        screen.print(f"  {check}")
    screen.print(f"version {trained.version} {'is champion' if trained.passed else 'is refused'}")
    page = HOME / "card_fraud.html"
    page.write_text(lake.card("card_fraud", trained.version), encoding="utf-8")
    screen.print(f"its card: {page}")
    code = max(code, trained.exit_code)

    screen.rule("scores: what has been paid so far, then the day that lands next, alone")
    code = max(code, lake.score("card_fraud").exit_code)
    generate(lake.spark, os.environ["AURIFY_SOURCES"], days=DAYS + 1, landed=DAYS, history=HISTORY)
    code = max(code, lake.refresh("+gold.customer_payments", "+gold.terminal_risk").exit_code)
    scored = lake.score("card_fraud")
    code = max(code, scored.exit_code)
    for batch in scored.tables[SCORES].batches:
        screen.print(f"batch {batch.number}: {batch.balance.read:,} payments, {batch.balance.inserted:,} scored")
    lake.sql(
        "SELECT payment_id, amount, round(score, 3) AS score, decision, model_version AS version, "
        "transform(reasons, r -> concat(r.feature, ' ', coalesce(string(round(r.value, 2)), 'missing'))) AS reasons "
        f"FROM {SCORES} WHERE batch = (SELECT max(batch) FROM {SCORES}) ORDER BY score DESC LIMIT 5"
    ).show(truncate=False)

    code = max(code, drifted(screen))

    screen.rule("once more: nothing is new, so nothing moves")
    code = max(code, lake.refresh().exit_code)  # the till lines of the day that landed
    again = lake.refresh()
    tables = [*again.tables.values(), *lake.score("card_fraud").tables.values()]
    moved = [t.table for t in tables if t.batches]
    for table in tables:
        screen.print(f"  {table.table}: {table.outcome}")
    screen.print(
        "\nLook around: export AURIFY_WAREHOUSE=.aurify/demo/warehouse AURIFY_SOURCES=.aurify/demo/sources,\n"
        "then .venv/bin/aurify plan, runs, quarantine silver.pos_lines, models show card_fraud, alerts list, ..."
    )
    return max(code, again.exit_code, 1 if moved else 0)


def drifted(screen: Console) -> int:
    """Let a day land on which prices are half as high again, and see it found; the highest exit code."""
    import aurify
    from retail.generate import generate

    lake = aurify.connect("local")
    screen.rule("the day after, prices are half as high again: the monitor finds it")
    codes = [lake.monitor("card_fraud").exit_code]
    sources, days = os.environ["AURIFY_SOURCES"], DAYS + 2
    generate(lake.spark, sources, days=days, landed=days - 1, history=HISTORY, dearer_from=days - 1)
    codes.append(lake.refresh("+gold.customer_payments", "+gold.terminal_risk").exit_code)
    codes.append(lake.score("card_fraud").exit_code)
    watched = lake.monitor("card_fraud")
    for column in watched.batches[-1].columns:
        if column.severity:
            screen.print(f"  {column.column}: {column.severity}, {'; '.join(column.why)}")
    for reaction in watched.reactions:
        screen.print(f"  {reaction}")
    screen.print(f"what is open, the model by day, drift by feature: {watched.page}")
    return max(*codes, watched.exit_code)


if __name__ == "__main__":
    sys.exit(main())
