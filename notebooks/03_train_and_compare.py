# Databricks notebook source
# MAGIC %md
# MAGIC # Train a model and compare versions
# MAGIC A model is a file: `platform/retail/models/card_fraud.py`. Training freezes its rows, fits, judges, and makes the version
# MAGIC champion if its gate passes. The same data, declarations and code are trained once.

# COMMAND ----------

import aurify

lake = aurify.connect("local")
for name, spec in lake.models.items():
    print(f"{name:15} {spec.doc}")

# COMMAND ----------

report = lake.train("card_fraud")
print("version", report.version, "champion" if report.passed else "refused", report.reasons)
print({name: span for name, span in report.dates.items()})
print({name: round(report.metrics[name], 3) for name in ("roc_auc", "average_precision", "precision_at_100")})

# COMMAND ----------

# MAGIC %md
# MAGIC ## What the version was made of
# MAGIC The training set is a Delta table that stays as long as a registered version names it.

# COMMAND ----------

told = lake.trained("card_fraud", report.version)
print(told.record["training_set"], told.record["versions"])
lake.session.read.format("delta").load(report.training_set).groupBy("is_fraud").count().show()

# COMMAND ----------

# MAGIC %md
# MAGIC ## Two versions on the same test rows

# COMMAND ----------

versions = lake.registry.versions("card_fraud")
newest, oldest = versions[0].number, versions[-1].number
difference = lake.compare("card_fraud", newest, oldest).difference
print(f"{difference.metric}: {difference.estimate:+.4f} between {difference.low:+.4f} and {difference.high:+.4f}")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Score a frame with the champion

# COMMAND ----------

champion = lake.registry.load(lake.registry.version("card_fraud", report.version))
rows = lake.session.read.format("delta").load(report.training_set)
champion.scored(rows).orderBy("score", ascending=False).select("payment_id", "is_fraud", "score").show(5)
