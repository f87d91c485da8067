-- The feed of changes: when each was committed, and behind which they are kept.
ALTER TABLE change ADD COLUMN time bigint NOT NULL DEFAULT now_ms();

CREATE TABLE feed (
  xid xid8 NOT NULL DEFAULT '0',
  rev bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO feed DEFAULT VALUES;

-- Up to `p_limit` changes behind a position, or behind what was trimmed, with where that ends; a row without a change where there is none.
-- What is before the oldest transaction that still runs: behind it nothing can come in any more.
CREATE FUNCTION changes_after(
  p_xid xid8, p_rev bigint, p_limit integer,
  OUT trimmed_xid xid8, OUT trimmed_rev bigint, OUT is_ahead boolean,
  OUT xid xid8, OUT rev bigint, OUT "time" bigint, OUT kind text, OUT id text, OUT data bytea
) RETURNS SETOF record LANGUAGE sql STABLE AS $$
  SELECT f.xid, f.rev, coalesce(p_xid >= pg_snapshot_xmax(pg_current_snapshot()), false), c.xid, c.rev, c.time, c.kind, c.id, c.data
    FROM feed f LEFT JOIN LATERAL (
      SELECT * FROM change c
        WHERE (c.xid, c.rev) > (coalesce(p_xid, f.xid), coalesce(p_rev, f.rev)) AND c.xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY c.xid, c.rev LIMIT p_limit
    ) c ON true ORDER BY c.xid, c.rev
$$;

-- The position of the last change, or of what was trimmed.
CREATE FUNCTION last_change(OUT xid xid8, OUT rev bigint) LANGUAGE sql STABLE AS $$
  (SELECT c.xid, c.rev FROM change c WHERE c.xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY c.xid DESC, c.rev DESC LIMIT 1)
  UNION ALL SELECT f.xid, f.rev FROM feed f LIMIT 1
$$;

-- Drops up to `p_limit` of the changes that are older than so many milliseconds, or more than `p_most`. Answers how many. Of many gateways one does.
CREATE FUNCTION trim_changes(p_ms bigint, p_most bigint, p_limit integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  mark feed;
  young change;
  target feed;
  dropped bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(1701016693, hashtext(current_schema())) THEN RETURN 0; END IF;
  SELECT * INTO mark FROM feed;
  SELECT * INTO young FROM change c WHERE (c.xid, c.rev) > (mark.xid, mark.rev) AND c.time > now_ms() - p_ms ORDER BY c.xid, c.rev LIMIT 1;
  SELECT c.xid, c.rev INTO target FROM change c
    WHERE c.xid < pg_snapshot_xmin(pg_current_snapshot()) AND (young.xid IS NULL OR (c.xid, c.rev) < (young.xid, young.rev))
    ORDER BY c.xid DESC, c.rev DESC LIMIT 1;
  -- To count them all takes a while: only where there may be so many.
  IF (SELECT max(c.rev) - min(c.rev) FROM (
    (SELECT n.rev FROM change n ORDER BY n.xid, n.rev LIMIT 1) UNION ALL (SELECT n.rev FROM change n ORDER BY n.xid DESC, n.rev DESC LIMIT 1)
  ) c) >= p_most THEN
    SELECT greatest(c.xid, coalesce(target.xid, '0')), CASE WHEN c.xid >= coalesce(target.xid, '0') THEN c.rev ELSE target.rev END
      INTO target FROM (
        SELECT n.xid, n.rev FROM change n WHERE n.xid < pg_snapshot_xmin(pg_current_snapshot())
          ORDER BY n.xid DESC, n.rev DESC OFFSET p_most LIMIT 1
      ) c;
  END IF;
  SELECT c.xid, c.rev INTO target FROM (
    SELECT n.xid, n.rev FROM change n WHERE (n.xid, n.rev) <= (target.xid, target.rev) ORDER BY n.xid, n.rev LIMIT p_limit
  ) c ORDER BY c.xid DESC, c.rev DESC LIMIT 1;
  IF target.xid IS NULL THEN RETURN 0; END IF;
  DELETE FROM change c WHERE (c.xid, c.rev) <= (target.xid, target.rev);
  GET DIAGNOSTICS dropped = ROW_COUNT;
  UPDATE feed SET xid = target.xid, rev = target.rev;
  RETURN dropped;
END
$$;

-- As before, but for old days of changes: these go when nothing is in them any more.
CREATE OR REPLACE FUNCTION keep_partitions(p_table text, p_days integer) RETURNS void LANGUAGE plpgsql SET lock_timeout = '500ms' AS $$
DECLARE
  begins date;
  name text;
  is_empty boolean;
BEGIN
  FOR ahead IN 0..7 LOOP
    begins := today() + ahead;
    name := p_table || to_char(begins, '_YYYYMMDD');
    CONTINUE WHEN to_regclass(name) IS NOT NULL;
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', name, p_table, begins, begins + 1);
  END LOOP;
  FOR name IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = p_table::regclass AND c.relname < p_table || to_char(today() - p_days, '_YYYYMMDD') ORDER BY c.relname
  LOOP
    IF p_table = 'audit' THEN
      EXECUTE format('UPDATE gateway g SET first = o.last + 1 FROM (SELECT gateway, max(sequence) AS last FROM %I GROUP BY gateway) o
        WHERE g.name = o.gateway AND g.first <= o.last', name);
    ELSE
      EXECUTE format('SELECT NOT EXISTS (SELECT FROM %I)', name) INTO is_empty;
      CONTINUE WHEN NOT is_empty;
    END IF;
    EXECUTE format('DROP TABLE %I', name);
  END LOOP;
EXCEPTION WHEN lock_not_available THEN
  RAISE WARNING 'the partitions of % are looked after later', p_table;
END
$$;

-- Empties the feed where it is a copy from another cluster, or an older one, whose transactions had greater numbers: behind those nothing
-- that happens here would ever come.
CREATE FUNCTION settle_feed() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM change c WHERE c.xid >= pg_snapshot_xmax(pg_current_snapshot()))
    OR EXISTS (SELECT FROM feed f WHERE f.xid >= pg_snapshot_xmax(pg_current_snapshot())) THEN
    DELETE FROM change;
    UPDATE feed SET xid = '0', rev = 0;
  END IF;
END
$$;

-- As before, and looks after the feed.
CREATE OR REPLACE FUNCTION tidy(p_audit_days integer, p_change_days integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF NOT pg_try_advisory_xact_lock(1701016692, hashtext(current_schema())) THEN RETURN false; END IF;
  DELETE FROM settled WHERE at < now_ms() - 600000;
  PERFORM keep_partitions('audit', p_audit_days);
  PERFORM keep_partitions('change', p_change_days);
  PERFORM settle_feed();
  DELETE FROM gateway WHERE first > sequence AND pg_try_advisory_xact_lock(1701016686, hashtext(current_schema() || ' ' || name));
  RETURN true;
END
$$;
