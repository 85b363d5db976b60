"""What the JSON of executions says in its first level, by name and value, for filters that few executions match.

A value that begins with a quote is a text, any other a number.

The database itself keeps it, in the transaction of each change, whatever adds, changes or removes an execution. Of each execution
at most 32 texts and integers are kept; one with as many or more also stands under no name, so that it is looked at whatever is
asked for.
"""

from __future__ import annotations

from peewee import Database, SqliteDatabase

_TABLE = """
CREATE TABLE execution_attribute (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    execution_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    PRIMARY KEY (name, value, recorded_at, execution_id){also}
)"""
_READABLE = r"""CASE WHEN NOT json_valid({0}) THEN NULL WHEN instr({0}, '\u0000') > 0
    THEN replace(replace({0}, '\\', '\u005c'), '\u0000', '\ufffd') ELSE {0} END"""
_LEAVES = """
SELECT execution.id AS execution_id, '{column}.' || each.key AS name,
    CASE each.type WHEN 'text' THEN '"' ELSE '' END || each.atom AS value
FROM execution, json_each({readable}) AS each
WHERE each.type IN ('text', 'integer') AND length(each.key) <= 100 AND length(each.atom) <= 200"""
_CHANGED = "OLD.metadata <> NEW.metadata OR OLD.task_kwargs <> NEW.task_kwargs"
# Two keys are the same once U+FFFD stands for U+0000 in one of them; PostgreSQL's objects have each key once.
_ADD = """
INSERT INTO execution_attribute SELECT DISTINCT name, value, NEW.created_at, NEW.id, NEW.owner_id
    FROM execution_leaf WHERE execution_id = NEW.id LIMIT 32;
INSERT INTO execution_attribute SELECT '', '', NEW.created_at, NEW.id, NEW.owner_id WHERE changes() = 32;"""
_REMOVE = """
DELETE FROM execution_attribute WHERE (name, value, recorded_at, execution_id) IN (
    SELECT name, value, OLD.created_at, OLD.id FROM execution_leaf WHERE execution_id = OLD.id
    UNION ALL SELECT '', '', OLD.created_at, OLD.id);"""
_SQLITE = (
    _TABLE.format(also="") + " WITHOUT ROWID",
    "CREATE VIEW execution_leaf AS"
    + " UNION ALL".join(
        _LEAVES.format(column=column, readable=_READABLE.format(f"execution.{column}"))
        for column in ("metadata", "task_kwargs")
    ),
    f"""CREATE TRIGGER execution_attribute_insert AFTER INSERT ON execution
    WHEN NEW.metadata <> '{{}}' OR NEW.task_kwargs <> '{{}}' BEGIN {_ADD} END""",
    f"""CREATE TRIGGER execution_attribute_replace BEFORE UPDATE OF metadata, task_kwargs ON execution
    WHEN {_CHANGED} BEGIN {_REMOVE} END""",
    f"""CREATE TRIGGER execution_attribute_update AFTER UPDATE OF metadata, task_kwargs ON execution
    WHEN {_CHANGED} BEGIN {_ADD} END""",
    f"CREATE TRIGGER execution_attribute_delete BEFORE DELETE ON execution BEGIN {_REMOVE} END",
    """
INSERT INTO execution_attribute SELECT name, value, created_at, id, owner_id FROM (
    SELECT leaf.name, leaf.value, execution.created_at, execution.id, execution.owner_id,
        ROW_NUMBER() OVER (PARTITION BY execution.id) AS number
    FROM execution JOIN (SELECT DISTINCT * FROM execution_leaf) AS leaf ON leaf.execution_id = execution.id
) AS numbered WHERE number <= 32""",
    """
INSERT INTO execution_attribute SELECT '', '', recorded_at, execution_id, owner FROM execution_attribute
GROUP BY recorded_at, execution_id, owner HAVING COUNT(*) >= 32""",
)
#: The leaves of two documents that were read.
_BOTH = """
SELECT * FROM execution_leaves({metadata}, 'metadata.') UNION ALL SELECT * FROM execution_leaves({task_kwargs}, 'task_kwargs.')"""
_READ = {"metadata": "stored_json({0}.metadata)", "task_kwargs": "stored_json({0}.task_kwargs)"}
_POSTGRESQL = (
    _TABLE.format(also=" INCLUDE (owner)"),
    """
CREATE FUNCTION execution_leaves(document jsonb, prefix text) RETURNS TABLE (name text, value text) LANGUAGE sql IMMUTABLE AS $$
    SELECT prefix || each.key, CASE jsonb_typeof(each.value) WHEN 'string' THEN '"' ELSE '' END || (each.value #>> '{}')
    FROM jsonb_each(CASE WHEN jsonb_typeof(document) = 'object' THEN document END) AS each
    WHERE jsonb_typeof(each.value) IN ('string', 'number') AND length(each.key) <= 100 AND length(each.value #>> '{}') <= 200
$$""",
    # `stored_json` takes time to be ready for what can not be read, and what is new can be.
    f"""
CREATE FUNCTION add_execution_attributes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_plain boolean := TG_OP = 'INSERT' AND strpos(NEW.metadata || NEW.task_kwargs, '\\u0000') = 0;
    read_metadata jsonb := CASE WHEN is_plain THEN NEW.metadata::jsonb ELSE stored_json(NEW.metadata) END;
    read_kwargs jsonb := CASE WHEN is_plain THEN NEW.task_kwargs::jsonb ELSE stored_json(NEW.task_kwargs) END;
    added integer;
BEGIN
    INSERT INTO execution_attribute SELECT leaf.name, leaf.value, NEW.created_at, NEW.id, NEW.owner_id
        FROM ({_BOTH.format(metadata="read_metadata", task_kwargs="read_kwargs")} LIMIT 32) AS leaf;
    GET DIAGNOSTICS added = ROW_COUNT;
    IF added = 32 THEN
        INSERT INTO execution_attribute VALUES ('', '', NEW.created_at, NEW.id, NEW.owner_id);
    END IF;
    RETURN NULL;
END $$""",  # noqa: S608 - names of ours
    f"""
CREATE FUNCTION remove_execution_attributes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM execution_attribute AS kept
    USING ({_BOTH.format(**{name: text.format("OLD") for name, text in _READ.items()})} UNION ALL SELECT '', '') AS leaf
    WHERE kept.name = leaf.name AND kept.value = leaf.value
        AND kept.recorded_at = OLD.created_at AND kept.execution_id = OLD.id;
    RETURN NULL;
END $$""",  # noqa: S608 - names of ours
    """CREATE TRIGGER execution_attribute_delete AFTER DELETE ON execution FOR EACH ROW
    EXECUTE FUNCTION remove_execution_attributes()""",
    # Triggers of one change fire in the order of their names: first what was there goes.
    f"""CREATE TRIGGER execution_attribute_replace AFTER UPDATE OF metadata, task_kwargs ON execution FOR EACH ROW
    WHEN ({_CHANGED}) EXECUTE FUNCTION remove_execution_attributes()""",
    f"""CREATE TRIGGER execution_attribute_update AFTER UPDATE OF metadata, task_kwargs ON execution FOR EACH ROW
    WHEN ({_CHANGED}) EXECUTE FUNCTION add_execution_attributes()""",
    """CREATE TRIGGER execution_attribute_insert AFTER INSERT ON execution FOR EACH ROW
    WHEN (NEW.metadata <> '{}' OR NEW.task_kwargs <> '{}') EXECUTE FUNCTION add_execution_attributes()""",
    f"""
INSERT INTO execution_attribute SELECT leaf.name, leaf.value, execution.created_at, execution.id, execution.owner_id
FROM execution, LATERAL ({_BOTH.format(**{name: text.format("execution") for name, text in _READ.items()})} LIMIT 32) AS leaf""",  # noqa: S608 - names of ours
    _SQLITE[-1],
)


def up(engine: Database) -> None:
    """Add the table, what keeps it, and what there is."""
    for statement in _SQLITE if isinstance(engine, SqliteDatabase) else _POSTGRESQL:
        engine.execute_sql(statement)
