# Databricks notebook source
# MAGIC %md
# MAGIC # Explore the lake
# MAGIC The tables of this project, what is new for them, what failed and why. It uses the `spark` that is there.

# COMMAND ----------

import aurify

lake = aurify.connect("local")
for name, spec in lake.specs.items():
    print(f"{name:20} {type(spec.write).__name__:10} {spec.doc}")

# COMMAND ----------

# MAGIC %md
# MAGIC ## What is pending
# MAGIC A plan reads file listings and logs, and writes nothing.

# COMMAND ----------

for table in lake.plan().tables.values():
    print(f"{table.table:20} {table.action:15} files {table.files:5} rows {table.rows:8} {'; '.join(table.notes)}")

# COMMAND ----------

report = lake.refresh()
for table in report.tables.values():
    for batch in table.batches:
        print(table.table, {term: rows for term, rows in batch.balance.as_dict().items() if rows})

# COMMAND ----------

# MAGIC %md
# MAGIC ## The tables, by their names

# COMMAND ----------

spark.table("silver.pos_lines").printSchema()  # noqa: F821 - the notebook's own session

# COMMAND ----------

best = lake.sql(
    """
    SELECT country, sum(units_sold) AS units, sum(net_amount) AS net_amount
    FROM gold.daily_sales GROUP BY country ORDER BY net_amount DESC LIMIT 10
    """
)
best.show()

# COMMAND ----------

# MAGIC %md
# MAGIC ## What failed, and why

# COMMAND ----------

from pyspark.sql import functions as F

failed = lake.quarantine("silver.pos_lines")
failed.select(F.explode("_failed").alias("reason")).groupBy("reason.id", "reason.rule").count().orderBy(
    F.desc("count")
).show(truncate=False)
