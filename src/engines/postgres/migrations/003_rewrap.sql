-- Has another root key wrap the keys of the ring (`npm run keys -- rewrap`). Answers false where the ring is another than `p_before`.
CREATE FUNCTION rewrap_ring(p_before text[], p_material bytea[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  found text[];
BEGIN
  LOCK TABLE ring_key IN EXCLUSIVE MODE;
  SELECT coalesce(array_agg(concat_ws(' ', id, state, created_at, retired_at, destroyed_at) ORDER BY position), '{}') INTO found FROM ring_key;
  IF found <> p_before THEN RETURN false; END IF;
  UPDATE ring_key SET material = m.material
    FROM unnest(p_material) WITH ORDINALITY AS m (material, place) WHERE m.place = ring_key.position;
  RETURN true;
END
$$;
