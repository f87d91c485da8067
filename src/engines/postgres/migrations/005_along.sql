-- A change may bring any number of new records along, not only an insert, and not only one. They follow what they come along with as
-- 'more'; 'second' is what gateways of before call it.
CREATE FUNCTION last_of(head integer, ops text[]) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(min(j) - 1, array_length(ops, 1)) FROM generate_series(head + 1, array_length(ops, 1)) AS j WHERE ops[j] NOT IN ('more', 'second')
$$;

-- Stores what comes along with the change `head`: all, or nothing and it answers why not.
CREATE FUNCTION insert_more(
  head integer, lost text[], ops text[], kinds text[], ids text[], scopes text[], slugs text[], indexes text[], expire_times bigint[],
  expire_proofs bytea[], seals text[], revisions bigint[], bodies bytea[]
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  outcome text;
BEGIN
  FOR i IN head + 1 .. last_of(head, ops) LOOP
    outcome := CASE WHEN seals[i] = ANY (lost) THEN 'key ' || seals[i] ELSE insert_record(
      kinds[i], ids[i], scopes[i], slugs[i], indexes[i], expire_times[i], expire_proofs[i], seals[i], revisions[i], bodies[i]
    ) END;
    IF outcome IS NOT NULL THEN
      PERFORM drop_record(kinds[j], ids[j]) FROM generate_series(head + 1, i - 1) AS j;
      RETURN outcome;
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;

-- As before, but for that.
CREATE OR REPLACE FUNCTION commit_changes(
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
  head integer;
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
    IF ops[i] NOT IN ('more', 'second') THEN head := i; END IF;
    IF i = head AND seals[i] = ANY (lost) THEN
      outcome := 'key ' || seals[i];
    ELSIF ops[i] IN ('more', 'second') THEN
      outcome := outcomes[head];
    ELSIF ops[i] IN ('insert', 'first') THEN
      outcome := insert_record(
        kinds[i], ids[i], scopes[i], slugs[i], indexes[i], expire_times[i], expire_proofs[i], seals[i], revisions[i], bodies[i]
      );
      IF outcome IS NULL THEN
        outcome := insert_more(
          i, lost, ops, kinds, ids, scopes, slugs, indexes, expire_times, expire_proofs, seals, revisions, bodies
        );
        IF outcome IS NOT NULL THEN PERFORM drop_record(kinds[i], ids[i]); END IF;
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
        outcome := insert_more(
          i, lost, ops, kinds, ids, scopes, slugs, indexes, expire_times, expire_proofs, seals, revisions, bodies
        );
        IF outcome IS NULL THEN
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
            PERFORM drop_record(kinds[j], ids[j]) FROM generate_series(i + 1, last_of(i, ops)) AS j;
          END;
          PERFORM put_attributes(r.kind, r.id, r.indexed) FROM record r WHERE r.kind = kinds[i] AND r.id = ids[i];
        END IF;
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
