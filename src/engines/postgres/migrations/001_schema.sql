-- The schema of one deployment; the migration's session has it first in its search path. Text is compared as bytes, so that pages and
-- cursors mean the same everywhere. Milliseconds since 1970 are bigint.

CREATE FUNCTION now_ms() RETURNS bigint LANGUAGE sql VOLATILE
AS $$ SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

-- Gateways that know the migration of this number can work with the schema. A later migration that they cannot work with says so here.
CREATE FUNCTION oldest_gateway() RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 1 $$;

CREATE FUNCTION today() RETURNS date LANGUAGE sql STABLE AS $$ SELECT (now() AT TIME ZONE 'UTC')::date $$;

CREATE TABLE record (
  kind text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  scope text COLLATE "C" NOT NULL,
  slug text COLLATE "C",
  -- Having expired it may have given its slug away.
  holds_slug boolean NOT NULL,
  -- As JSON, to be answered; what is looked up is in `attribute`.
  indexed text NOT NULL,
  sealed_by text COLLATE "C",
  revision bigint NOT NULL,
  body bytea NOT NULL,
  PRIMARY KEY (kind, id)
) WITH (toast_tuple_target = 8160);
ALTER TABLE record ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX record_slug ON record (kind, scope, slug) WHERE holds_slug;
CREATE INDEX record_sealed_by ON record (sealed_by) WHERE sealed_by IS NOT NULL;

-- Apart from the record, so that a heartbeat rewrites some bytes. Every record has one: whoever removes or renews it locks this first.
CREATE TABLE life (
  kind text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  expire_time bigint,
  -- What proves the time to the gateways.
  expire_proof bytea,
  PRIMARY KEY (kind, id)
) WITH (fillfactor = 50);
CREATE INDEX life_expire_time ON life (expire_time, kind, id) WHERE expire_time IS NOT NULL;

CREATE TABLE attribute (
  kind text COLLATE "C" NOT NULL,
  attribute text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  PRIMARY KEY (kind, attribute, value, id)
);

-- By day, so that old ones go with their table: see `tidy`.
CREATE TABLE change (
  day date NOT NULL DEFAULT today(),
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  rev bigint GENERATED ALWAYS AS IDENTITY,
  kind text NOT NULL,
  id text NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (xid, rev, day)
) PARTITION BY RANGE (day);

-- A gateway, by its name, and between which lines its chain stands: the number of the oldest that is kept, number and hash of the last.
CREATE TABLE gateway (
  name text COLLATE "C" PRIMARY KEY,
  first bigint NOT NULL DEFAULT 1,
  sequence bigint NOT NULL DEFAULT 0,
  hash text NOT NULL DEFAULT repeat('0', 64)
) WITH (fillfactor = 50);

-- The audit log, by day too: one chain of lines for each gateway.
CREATE TABLE audit (
  day date NOT NULL DEFAULT today(),
  gateway text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL,
  time bigint NOT NULL,
  context_id text COLLATE "C",
  execution_id text COLLATE "C",
  line text NOT NULL,
  PRIMARY KEY (gateway, sequence, day)
) PARTITION BY RANGE (day);
CREATE INDEX audit_time ON audit (time, gateway, sequence);
CREATE INDEX audit_context ON audit (context_id, time, gateway, sequence) WHERE context_id IS NOT NULL;
CREATE INDEX audit_execution ON audit (execution_id, time, gateway, sequence) WHERE execution_id IS NOT NULL;

CREATE TABLE ring_key (
  id text COLLATE "C" PRIMARY KEY,
  position integer NOT NULL UNIQUE,
  state text NOT NULL CHECK (state IN ('active', 'retired', 'destroyed')),
  created_at text NOT NULL,
  retired_at text,
  destroyed_at text,
  -- Wrapped by the root key; a destroyed key has none.
  material bytea,
  CHECK ((material IS NULL) = (state = 'destroyed'))
);
CREATE UNIQUE INDEX ring_key_active ON ring_key ((true)) WHERE state = 'active';

-- What a batch of changes came to, by its nonce: whoever lost the answer with the connection finds it here.
CREATE TABLE settled (
  nonce uuid PRIMARY KEY,
  outcomes text[] NOT NULL,
  at bigint NOT NULL
);
CREATE INDEX settled_at ON settled (at);

-- In PL/pgSQL, whose statements are planned once: each has an index that leads to what it is about.
CREATE FUNCTION drop_attributes(p_kind text, p_id text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  e record;
BEGIN
  FOR e IN SELECT a.key, v.value FROM record r, json_each(r.indexed::json) a, json_array_elements_text(a.value) v
    WHERE r.kind = p_kind AND r.id = p_id
  LOOP
    DELETE FROM attribute a WHERE a.kind = p_kind AND a.attribute = e.key AND a.value = e.value AND a.id = p_id;
  END LOOP;
END
$$;

CREATE FUNCTION drop_record(p_kind text, p_id text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM drop_attributes(p_kind, p_id);
  DELETE FROM life l WHERE l.kind = p_kind AND l.id = p_id;
  DELETE FROM record r WHERE r.kind = p_kind AND r.id = p_id;
END
$$;

CREATE FUNCTION put_attributes(p_kind text, p_id text, p_indexed text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO attribute (kind, attribute, value, id)
    SELECT p_kind, a.key, v.value, p_id FROM json_each(p_indexed::json) a, json_array_elements_text(a.value) v
    ON CONFLICT DO NOTHING;
END
$$;

-- Stores a new record, where nobody live has its id or its slug. Answers who has, or nothing where it is stored.
CREATE FUNCTION insert_record(
  p_kind text, p_id text, p_scope text, p_slug text, p_indexed text, p_expire_time bigint, p_expire_proof bytea, p_sealed_by text,
  p_revision bigint, p_body bytea
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  stored integer;
  holder text;
BEGIN
  FOR attempt IN 1..10 LOOP
    INSERT INTO record (kind, id, scope, slug, holds_slug, indexed, sealed_by, revision, body)
      VALUES (p_kind, p_id, p_scope, p_slug, p_slug IS NOT NULL, p_indexed, p_sealed_by, p_revision, p_body)
      ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS stored = ROW_COUNT;
    IF stored = 1 THEN
      INSERT INTO life (kind, id, expire_time, expire_proof) VALUES (p_kind, p_id, p_expire_time, p_expire_proof);
      PERFORM put_attributes(p_kind, p_id, p_indexed);
      RETURN NULL;
    END IF;
    -- What has expired gives way: the same id altogether, another its slug.
    PERFORM FROM life l WHERE l.kind = p_kind AND l.id = p_id AND l.expire_time <= now_ms() FOR UPDATE;
    IF FOUND THEN
      PERFORM drop_record(p_kind, p_id);
      CONTINUE;
    END IF;
    SELECT r.id INTO holder FROM record r WHERE r.kind = p_kind AND r.id = p_id;
    IF FOUND THEN RETURN 'id ' || holder; END IF;
    UPDATE record r SET holds_slug = false FROM life l
      WHERE r.kind = p_kind AND r.scope = p_scope AND r.slug = p_slug AND r.holds_slug
        AND l.kind = r.kind AND l.id = r.id AND l.expire_time <= now_ms();
    IF FOUND THEN CONTINUE; END IF;
    SELECT r.id INTO holder FROM record r WHERE r.kind = p_kind AND r.scope = p_scope AND r.slug = p_slug AND r.holds_slug;
    IF FOUND THEN RETURN 'slug ' || holder; END IF;
    -- Whoever had it is gone meanwhile.
  END LOOP;
  RAISE EXCEPTION 'no place for % in ten attempts', p_id;
END
$$;

-- Gives a gateway its row, where it has none. Where that was lost the chain goes on behind the last of its lines.
CREATE FUNCTION join_gateways(p_name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM gateway WHERE name = p_name) THEN RETURN; END IF;
  INSERT INTO gateway (name) VALUES (p_name) ON CONFLICT DO NOTHING;
  UPDATE gateway g SET first = (SELECT min(a.sequence) FROM audit a WHERE a.gateway = p_name), sequence = l.sequence,
      hash = encode(sha256(convert_to(l.line, 'UTF8')), 'hex')
    FROM (SELECT a.sequence, a.line FROM audit a WHERE a.gateway = p_name ORDER BY a.sequence DESC LIMIT 1) l WHERE g.name = p_name;
END
$$;

-- Adds a line to the chain of a gateway for each of those that are wanted. `src/audit/event.ts` says what a line is.
CREATE FUNCTION append_audit(
  p_gateway text, wanted boolean[], times bigint[], contexts text[], executions text[], descriptions text[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  number bigint;
  previous text;
  numbers bigint[];
  lines text[];
BEGIN
  IF NOT true = ANY (wanted) THEN RETURN; END IF;
  SELECT g.sequence, g.hash INTO number, previous FROM gateway g WHERE g.name = p_gateway FOR UPDATE;
  IF NOT FOUND THEN
    PERFORM join_gateways(p_gateway);
    SELECT g.sequence, g.hash INTO STRICT number, previous FROM gateway g WHERE g.name = p_gateway FOR UPDATE;
  END IF;
  -- As long as the others: what is unnested with them belongs to the same place.
  numbers := array_fill(NULL::bigint, ARRAY[array_length(wanted, 1)]);
  lines := array_fill(NULL::text, ARRAY[array_length(wanted, 1)]);
  FOR i IN 1 .. array_length(wanted, 1) LOOP
    CONTINUE WHEN NOT wanted[i];
    number := number + 1;
    numbers[i] := number;
    lines[i] := format('{"sequence":%s,"previous":"%s","gateway":"%s",', number, previous, p_gateway) || descriptions[i];
    previous := encode(sha256(convert_to(lines[i], 'UTF8')), 'hex');
  END LOOP;
  INSERT INTO audit (gateway, sequence, time, context_id, execution_id, line)
    SELECT p_gateway, e.* FROM unnest(numbers, times, contexts, executions, lines) AS e (number, time, context_id, execution_id, line)
      WHERE e.number IS NOT NULL;
  UPDATE gateway g SET sequence = number, hash = previous WHERE g.name = p_gateway;
END
$$;

-- Makes changes, in their order, as one commit, and answers what each came to. Made again with the same nonce it answers the same and
-- changes nothing. What comes along with a change is stored where the change is made: `event_ops` and `audit_ops` say with which.
CREATE FUNCTION commit_changes(
  p_gateway text, p_nonce uuid,
  ops text[], kinds text[], ids text[], scopes text[], slugs text[], indexes text[], expire_times bigint[], expire_proofs bytea[],
  seals text[], revisions bigint[], bodies bytea[], wanted text[],
  event_ops integer[], event_kinds text[], event_ids text[], event_data bytea[],
  audit_ops integer[], audit_times bigint[], audit_contexts text[], audit_executions text[], audit_descriptions text[],
  OUT outcomes text[]
) LANGUAGE plpgsql AS $$
DECLARE
  lost text[] := '{}';
  stored text[];
  is_stored boolean[] := '{}';
  next integer := 1;
  outcome text;
  found_revision bigint;
BEGIN
  SELECT s.outcomes INTO outcomes FROM settled s WHERE s.nonce = p_nonce;
  IF FOUND THEN RETURN; END IF;
  outcomes := array_fill('ok'::text, ARRAY[array_length(ops, 1)]);
  -- What a destroyed key sealed could never be read. Until this is committed none is destroyed: see `change_ring`.
  IF EXISTS (SELECT FROM unnest(seals) AS s WHERE s IS NOT NULL) THEN
    LOCK TABLE ring_key IN ROW SHARE MODE;
    lost := ARRAY(SELECT k.id FROM ring_key k WHERE k.state = 'destroyed' AND k.id = ANY (seals));
  END IF;

  -- Most changes are new records that nothing is in the way of: these by one statement for each table.
  WITH s AS (
    INSERT INTO record (kind, id, scope, slug, holds_slug, indexed, sealed_by, revision, body)
      SELECT o.kind, o.id, o.scope, o.slug, o.slug IS NOT NULL, o.indexed, o.sealed_by, o.revision, o.body
        FROM unnest(ops, kinds, ids, scopes, slugs, indexes, seals, revisions, bodies)
          AS o (op, kind, id, scope, slug, indexed, sealed_by, revision, body)
        WHERE o.op = 'insert' AND (o.sealed_by = ANY (lost)) IS NOT TRUE
      ON CONFLICT DO NOTHING RETURNING id
  ) SELECT array_agg(s.id) INTO stored FROM s;
  FOR i IN 1 .. array_length(ops, 1) LOOP
    is_stored[i] := ops[i] = 'insert' AND coalesce(ids[i] = stored[next], false);
    IF is_stored[i] THEN next := next + 1; END IF;
  END LOOP;
  IF stored IS NOT NULL THEN
    INSERT INTO life (kind, id, expire_time, expire_proof)
      SELECT o.kind, o.id, o.expire_time, o.expire_proof FROM unnest(is_stored, kinds, ids, expire_times, expire_proofs)
          AS o (is_stored, kind, id, expire_time, expire_proof)
        WHERE o.is_stored;
    INSERT INTO attribute (kind, attribute, value, id)
      SELECT o.kind, a.key, v.value, o.id FROM unnest(is_stored, kinds, ids, indexes) AS o (is_stored, kind, id, indexed),
          json_each(o.indexed::json) a, json_array_elements_text(a.value) v
        WHERE o.is_stored ON CONFLICT DO NOTHING;
  END IF;

  FOR i IN 1 .. array_length(ops, 1) LOOP
    CONTINUE WHEN is_stored[i] OR ops[i] = 'nothing';
    outcome := NULL;
    IF seals[i] = ANY (lost) THEN
      outcome := 'key ' || seals[i];
    ELSIF ops[i] IN ('insert', 'first') THEN
      outcome := insert_record(
        kinds[i], ids[i], scopes[i], slugs[i], indexes[i], expire_times[i], expire_proofs[i], seals[i], revisions[i], bodies[i]
      );
    ELSIF ops[i] = 'second' THEN
      -- Either both are there, or neither.
      IF outcomes[i - 1] = 'ok' THEN
        outcome := insert_record(
        kinds[i], ids[i], scopes[i], slugs[i], indexes[i], expire_times[i], expire_proofs[i], seals[i], revisions[i], bodies[i]
      );
        IF outcome IS NOT NULL THEN
          PERFORM drop_record(kinds[i - 1], ids[i - 1]);
          outcomes[i - 1] := outcome;
        END IF;
      ELSE
        outcome := outcomes[i - 1];
      END IF;
    ELSIF ops[i] = 'renew' THEN
      UPDATE life l SET expire_time = expire_times[i], expire_proof = expire_proofs[i]
        WHERE l.kind = kinds[i] AND l.id = ids[i] AND (l.expire_time IS NULL OR l.expire_time > now_ms());
      IF NOT FOUND THEN outcome := 'gone'; END IF;
    ELSE
      SELECT r.revision INTO found_revision FROM life l JOIN record r USING (kind, id)
        WHERE l.kind = kinds[i] AND l.id = ids[i]
          AND CASE WHEN ops[i] = 'expire' THEN l.expire_time <= now_ms() ELSE l.expire_time IS NULL OR l.expire_time > now_ms() END
        FOR UPDATE OF l;
      IF NOT FOUND THEN
        outcome := 'gone';
      ELSIF wanted[i] IS NOT NULL AND NOT found_revision = ANY (string_to_array(wanted[i], ' ')::bigint[]) THEN
        outcome := 'stale';
      ELSIF ops[i] IN ('remove', 'expire') THEN
        PERFORM drop_record(kinds[i], ids[i]);
      ELSE
        PERFORM drop_attributes(kinds[i], ids[i]);
        UPDATE record r SET holds_slug = false FROM life l
          WHERE r.kind = kinds[i] AND r.scope = scopes[i] AND r.slug = slugs[i] AND r.holds_slug AND r.id <> ids[i]
            AND l.kind = r.kind AND l.id = r.id AND l.expire_time <= now_ms();
        BEGIN
          UPDATE record r SET scope = scopes[i], slug = slugs[i], holds_slug = slugs[i] IS NOT NULL, indexed = indexes[i], sealed_by = seals[i],
            revision = revisions[i], body = bodies[i] WHERE r.kind = kinds[i] AND r.id = ids[i];
        EXCEPTION WHEN unique_violation THEN
          SELECT 'slug ' || r.id INTO outcome FROM record r
            WHERE r.kind = kinds[i] AND r.scope = scopes[i] AND r.slug = slugs[i] AND r.holds_slug;
        END;
        PERFORM put_attributes(r.kind, r.id, r.indexed) FROM record r WHERE r.kind = kinds[i] AND r.id = ids[i];
      END IF;
    END IF;
    outcomes[i] := coalesce(outcome, 'ok');
  END LOOP;

  IF array_length(event_ops, 1) > 0 THEN
    INSERT INTO change (kind, id, data)
      SELECT e.kind, e.id, e.data FROM unnest(event_ops, event_kinds, event_ids, event_data) WITH ORDINALITY AS e (op, kind, id, data, place)
        WHERE outcomes[e.op] = 'ok' ORDER BY e.place;
  END IF;
  PERFORM append_audit(p_gateway, ARRAY(SELECT outcomes[o] = 'ok' FROM unnest(audit_ops) AS o), audit_times, audit_contexts, audit_executions,
    audit_descriptions);
  INSERT INTO settled (nonce, outcomes, at) VALUES (p_nonce, commit_changes.outcomes, now_ms());
END
$$;

-- Puts keys in the place of those that `p_before` tells of. Answers whether the ring is so now: not where it was changed meanwhile.
CREATE FUNCTION change_ring(
  p_before text[], p_ids text[], p_states text[], p_created text[], p_retired text[], p_destroyed text[], p_material bytea[]
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  found text[];
  after text[];
BEGIN
  LOCK TABLE ring_key IN EXCLUSIVE MODE;
  SELECT coalesce(array_agg(concat_ws(' ', id, state, created_at, retired_at, destroyed_at) ORDER BY position), '{}') INTO found FROM ring_key;
  SELECT coalesce(array_agg(concat_ws(' ', k.id, k.state, k.created, k.retired, k.destroyed) ORDER BY k.place), '{}') INTO after
    FROM unnest(p_ids, p_states, p_created, p_retired, p_destroyed) WITH ORDINALITY AS k (id, state, created, retired, destroyed, place);
  IF found = after THEN RETURN true; END IF;
  IF found <> p_before THEN RETURN false; END IF;
  DELETE FROM ring_key;
  INSERT INTO ring_key (id, position, state, created_at, retired_at, destroyed_at, material)
    SELECT k.id, k.place, k.state, k.created, k.retired, k.destroyed, k.material
      FROM unnest(p_ids, p_states, p_created, p_retired, p_destroyed, p_material) WITH ORDINALITY
        AS k (id, state, created, retired, destroyed, material, place);
  RETURN true;
END
$$;

-- Sees to it that a table has partitions for the days to come, and none for those that are older than `p_days`. Where somebody works with
-- an old one for so long that it cannot go, that is left for the next time.
CREATE FUNCTION keep_partitions(p_table text, p_days integer) RETURNS void LANGUAGE plpgsql SET lock_timeout = '500ms' AS $$
DECLARE
  begins date;
  name text;
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
    END IF;
    EXECUTE format('DROP TABLE %I', name);
  END LOOP;
EXCEPTION WHEN lock_not_available THEN
  RAISE WARNING 'the partitions of % are looked after later', p_table;
END
$$;

-- Looks after what gateways leave behind: what batches came to, once nobody asks any more, old days, and names of which nothing is left.
-- Answers false, having done nothing, where another gateway is at it.
CREATE FUNCTION tidy(p_audit_days integer, p_change_days integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF NOT pg_try_advisory_xact_lock(1701016692, hashtext(current_schema())) THEN RETURN false; END IF;
  DELETE FROM settled WHERE at < now_ms() - 600000;
  PERFORM keep_partitions('audit', p_audit_days);
  PERFORM keep_partitions('change', p_change_days);
  DELETE FROM gateway WHERE first > sequence AND pg_try_advisory_xact_lock(1701016686, hashtext(current_schema() || ' ' || name));
  RETURN true;
END
$$;

SELECT tidy(36500, 36500);
