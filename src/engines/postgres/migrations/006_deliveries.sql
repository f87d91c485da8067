-- Up to where the events of the feed were delivered, and which gateway does that until when.
CREATE TABLE delivery (
  name text PRIMARY KEY,
  owner text NOT NULL,
  expire_time bigint NOT NULL,
  position text COLLATE "C" NOT NULL
) WITH (fillfactor = 50);

-- The position, where the delivery is the owner's from now on; null where it is another's. One that is new begins at the end of the feed.
CREATE FUNCTION take_delivery(p_name text, p_owner text, p_ms bigint) RETURNS text LANGUAGE sql AS $$
  INSERT INTO delivery AS d SELECT p_name, p_owner, now_ms() + p_ms, lpad(l.xid::text, 20, '0') || '-' || lpad(l.rev::text, 20, '0') FROM last_change() l
    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expire_time = excluded.expire_time
      WHERE d.owner = excluded.owner OR d.expire_time <= now_ms()
    RETURNING position
$$;

-- Whether it is there: also where it came there by this call, which is made again where its answer was lost.
CREATE FUNCTION move_delivery(p_name text, p_owner text, p_from text, p_to text) RETURNS boolean LANGUAGE sql AS $$
  WITH moved AS (
    UPDATE delivery SET position = p_to WHERE name = p_name AND owner = p_owner AND position IN (p_from, p_to) RETURNING 1
  ) SELECT EXISTS (SELECT FROM moved)
$$;
