"""The way from an empty database to the present tables: numbered files, each with `up(engine)`, applied once and in order.

Peewee's own runner (`playhouse.migrations`) has neither a lock between two migrating processes nor a check for a database that a
newer version made; this one has, in `migrator.py`.
"""
