-- Schema version 10 of ML Metadata on MySQL, with wider numbers than the official library gives its own databases.
-- Tables and columns are those that the official library (ml-metadata 1.11 to 1.17) looks for, so that either server
-- can work on the other's database. Every statement may find its table there already: creation can be interrupted
-- anywhere and begun again. Each table ends with the character set and collation of the database that it is made in.

CREATE TABLE IF NOT EXISTS Type (
  id          BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name        VARCHAR(255) NOT NULL,
  version     VARCHAR(255),
  type_kind   TINYINT(1) NOT NULL,  -- 0 execution type, 1 artifact type, 2 context type
  description TEXT,
  input_type  TEXT,                 -- execution types only: JSON of ArtifactStructType
  output_type TEXT,
  external_id VARCHAR(255),
  KEY idx_type_name (name),
  UNIQUE KEY idx_type_external_id (external_id)
);
CREATE TABLE IF NOT EXISTS TypeProperty (
  type_id   BIGINT NOT NULL,
  name      VARCHAR(255) NOT NULL,
  data_type INT,                    -- PropertyType
  PRIMARY KEY (type_id, name)
);
CREATE TABLE IF NOT EXISTS ParentType (
  type_id        BIGINT NOT NULL,
  parent_type_id BIGINT NOT NULL,   -- the built-in type that base_type names
  PRIMARY KEY (type_id, parent_type_id)
);

CREATE TABLE IF NOT EXISTS Artifact (
  id                           BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  type_id                      BIGINT NOT NULL,
  uri                          TEXT,
  state                        INT,
  name                         VARCHAR(255),
  external_id                  VARCHAR(255),
  create_time_since_epoch      BIGINT NOT NULL DEFAULT 0,
  last_update_time_since_epoch BIGINT NOT NULL DEFAULT 0,
  UNIQUE KEY UniqueArtifactTypeName (type_id, name),
  UNIQUE KEY idx_artifact_external_id (external_id),
  KEY idx_artifact_uri (uri(255)),
  KEY idx_artifact_type_id (type_id),
  KEY idx_artifact_create_time_since_epoch (create_time_since_epoch),
  KEY idx_artifact_last_update_time_since_epoch (last_update_time_since_epoch)
);
CREATE TABLE IF NOT EXISTS ArtifactProperty (
  artifact_id        BIGINT NOT NULL,
  name               VARCHAR(255) NOT NULL,
  is_custom_property TINYINT(1) NOT NULL,
  int_value          BIGINT,
  double_value       DOUBLE,
  string_value       MEDIUMTEXT,
  byte_value         MEDIUMBLOB,
  proto_value        MEDIUMBLOB,
  bool_value         TINYINT(1),
  PRIMARY KEY (artifact_id, name, is_custom_property),
  KEY idx_artifact_property_int (name, is_custom_property, int_value),
  KEY idx_artifact_property_double (name, is_custom_property, double_value),
  KEY idx_artifact_property_string (name, is_custom_property, string_value(255))
);

CREATE TABLE IF NOT EXISTS Execution (
  id                           BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  type_id                      BIGINT NOT NULL,
  last_known_state             INT,
  name                         VARCHAR(255),
  external_id                  VARCHAR(255),
  create_time_since_epoch      BIGINT NOT NULL DEFAULT 0,
  last_update_time_since_epoch BIGINT NOT NULL DEFAULT 0,
  UNIQUE KEY UniqueExecutionTypeName (type_id, name),
  UNIQUE KEY idx_execution_external_id (external_id),
  KEY idx_execution_type_id (type_id),
  KEY idx_execution_create_time_since_epoch (create_time_since_epoch),
  KEY idx_execution_last_update_time_since_epoch (last_update_time_since_epoch)
);
CREATE TABLE IF NOT EXISTS ExecutionProperty (
  execution_id       BIGINT NOT NULL,
  name               VARCHAR(255) NOT NULL,
  is_custom_property TINYINT(1) NOT NULL,
  int_value          BIGINT,
  double_value       DOUBLE,
  string_value       MEDIUMTEXT,
  byte_value         MEDIUMBLOB,
  proto_value        MEDIUMBLOB,
  bool_value         TINYINT(1),
  PRIMARY KEY (execution_id, name, is_custom_property),
  KEY idx_execution_property_int (name, is_custom_property, int_value),
  KEY idx_execution_property_double (name, is_custom_property, double_value),
  KEY idx_execution_property_string (name, is_custom_property, string_value(255))
);

CREATE TABLE IF NOT EXISTS Context (
  id                           BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  type_id                      BIGINT NOT NULL,
  name                         VARCHAR(255) NOT NULL,
  external_id                  VARCHAR(255),
  create_time_since_epoch      BIGINT NOT NULL DEFAULT 0,
  last_update_time_since_epoch BIGINT NOT NULL DEFAULT 0,
  UNIQUE KEY UniqueContextTypeName (type_id, name),
  UNIQUE KEY idx_context_external_id (external_id),
  KEY idx_context_type_id (type_id),
  KEY idx_context_create_time_since_epoch (create_time_since_epoch),
  KEY idx_context_last_update_time_since_epoch (last_update_time_since_epoch)
);
CREATE TABLE IF NOT EXISTS ContextProperty (
  context_id         BIGINT NOT NULL,
  name               VARCHAR(255) NOT NULL,
  is_custom_property TINYINT(1) NOT NULL,
  int_value          BIGINT,
  double_value       DOUBLE,
  string_value       MEDIUMTEXT,
  byte_value         MEDIUMBLOB,
  proto_value        MEDIUMBLOB,
  bool_value         TINYINT(1),
  PRIMARY KEY (context_id, name, is_custom_property),
  KEY idx_context_property_int (name, is_custom_property, int_value),
  KEY idx_context_property_double (name, is_custom_property, double_value),
  KEY idx_context_property_string (name, is_custom_property, string_value(255))
);
CREATE TABLE IF NOT EXISTS ParentContext (
  context_id        BIGINT NOT NULL,
  parent_context_id BIGINT NOT NULL,
  PRIMARY KEY (context_id, parent_context_id),
  KEY idx_parentcontext_parent_context_id (parent_context_id)
);

CREATE TABLE IF NOT EXISTS Event (
  id                       BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  artifact_id              BIGINT NOT NULL,
  execution_id             BIGINT NOT NULL,
  type                     INT NOT NULL,
  milliseconds_since_epoch BIGINT,
  UNIQUE KEY UniqueEvent (artifact_id, execution_id, type),
  KEY idx_event_execution_id (execution_id)
);
-- The version has no primary key here. Group Replication and Galera want one: this is hidden from `SELECT *` and from
-- inserts that do not name it, where the server can hide columns.
CREATE TABLE IF NOT EXISTS EventPath (
  event_id      BIGINT NOT NULL,
  is_index_step TINYINT(1) NOT NULL,
  step_index    BIGINT,
  step_key      TEXT,
  /*row_id*/
  KEY idx_eventpath_event_id (event_id)
);
CREATE TABLE IF NOT EXISTS Association (
  id           BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  context_id   BIGINT NOT NULL,
  execution_id BIGINT NOT NULL,
  UNIQUE KEY UniqueAssociation (context_id, execution_id),
  KEY idx_association_execution_id (execution_id)
);
CREATE TABLE IF NOT EXISTS Attribution (
  id          BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  context_id  BIGINT NOT NULL,
  artifact_id BIGINT NOT NULL,
  UNIQUE KEY UniqueAttribution (context_id, artifact_id),
  KEY idx_attribution_artifact_id (artifact_id)
);

CREATE TABLE IF NOT EXISTS MLMDEnv (
  schema_version INT NOT NULL PRIMARY KEY
);
