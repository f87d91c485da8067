-- The trees of ring keys (src/secrets/tree-store.ts). What older gateways cannot open is sealed with their leaves.
CREATE OR REPLACE FUNCTION oldest_gateway() RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 2 $$;

CREATE TABLE tree (key_id text COLLATE "C" PRIMARY KEY);

CREATE TABLE tree_node (
  key_id text COLLATE "C" NOT NULL REFERENCES tree ON DELETE CASCADE,
  -- The hexadecimal digits that the leaves below begin with.
  path text COLLATE "C" NOT NULL,
  -- Wrapped by the ring key.
  box bytea NOT NULL,
  PRIMARY KEY (key_id, path)
);

-- Of many gateways at once one makes the tree.
CREATE FUNCTION begin_tree(p_key_id text, p_paths text[], p_boxes bytea[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tree (key_id) VALUES (p_key_id) ON CONFLICT DO NOTHING;
  IF FOUND THEN
    INSERT INTO tree_node (key_id, path, box) SELECT p_key_id, path, box FROM unnest(p_paths, p_boxes) AS node (path, box);
  END IF;
END $$;

-- Answers false where one of those to be removed is not there: another gateway was faster, or this one, and lost the answer.
CREATE FUNCTION replace_nodes(p_key_id text, p_removed text[], p_paths text[], p_boxes bytea[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  locked integer;
BEGIN
  PERFORM FROM tree_node WHERE key_id = p_key_id AND path = ANY (p_removed) ORDER BY path FOR UPDATE;
  GET DIAGNOSTICS locked = ROW_COUNT;
  IF locked < cardinality(p_removed) THEN RETURN false; END IF;
  DELETE FROM tree_node WHERE key_id = p_key_id AND path = ANY (p_removed);
  INSERT INTO tree_node (key_id, path, box) SELECT p_key_id, path, box FROM unnest(p_paths, p_boxes) AS node (path, box);
  RETURN true;
END $$;
