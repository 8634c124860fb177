# Databricks notebook source
# MAGIC %md
# MAGIC # Read drift
# MAGIC Each scored batch is held once against the rows that the model learned from, column by column, each weekday against the
# MAGIC same weekday. As labels come, the model's metric is told by day; before, its scores alone say what it should be.

# COMMAND ----------

import aurify

lake = aurify.connect("local")
if lake.registry.champion("card_fraud") is None:
    lake.train("card_fraud")
lake.score("card_fraud")
report = lake.monitor("card_fraud")
print("version", report.version, "batches", [(batch.batch, batch.severity) for batch in report.batches])
print("the page:", report.page)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Which columns moved, and by how much
# MAGIC `surely` is what is left of a distance when chance has had its share.

# COMMAND ----------

columns = lake.session.read.format("delta").load(f"{report.home}/columns")
columns.orderBy("batch", "surely", ascending=False).select(
    "batch", "column", "severity", "rows", "distance", "surely", "psi", "missing"
).show(10)

# COMMAND ----------

# MAGIC %md
# MAGIC ## How the model does by day

# COMMAND ----------

if report.performance is not None:
    told = report.performance
    print(told.why if told.now is not None else told.because)
    for day in told.days[-10:]:
        print(day.day, day.rows, "rows,", day.labelled, "labelled,", told.metric, day.value(told.metric), day.estimated)

# COMMAND ----------

# MAGIC %md
# MAGIC ## What to do next
# MAGIC An alert that somebody looks after is told again only if it grows graver: `aurify alerts acknowledge`.

# COMMAND ----------

for alert in lake.alerts.open_alerts("card_fraud"):
    print(alert.severity, alert.alert.key, alert.alert.why, "->", alert.alert.next_step)
for reaction in report.reactions:
    print(reaction)
