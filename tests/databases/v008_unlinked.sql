BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'gateway','v001_first','2026-11-23 09:50:17.693432+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'gateway','v002_commands','2026-11-23 09:50:17.694821+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'gateway','v003_protection','2026-11-23 09:50:17.696510+00:00');
INSERT INTO "_sqlite_migrations" VALUES(4,'gateway','v004_shifts','2026-11-23 09:50:17.698201+00:00');
INSERT INTO "_sqlite_migrations" VALUES(5,'gateway','v005_channels','2026-11-23 09:50:17.700204+00:00');
INSERT INTO "_sqlite_migrations" VALUES(6,'gateway','v006_search','2026-11-23 09:50:17.701325+00:00');
INSERT INTO "_sqlite_migrations" VALUES(7,'gateway','v007_console','2026-11-23 09:50:17.710898+00:00');
INSERT INTO "_sqlite_migrations" VALUES(8,'gateway','v008_unlinked','2026-11-23 09:50:17.713074+00:00');
CREATE TABLE accounts (
    carer TEXT PRIMARY KEY,                  -- carer id in the centre file, also the sign-in name
    password_hash TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "accounts" VALUES('sam','of no password',0);
CREATE TABLE alert_events (
    seq INTEGER PRIMARY KEY,
    alert INTEGER NOT NULL REFERENCES alerts (id),
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    who TEXT,                                -- carer id; NULL: the gateway
    via TEXT,                                -- link, page, cli, ...
    state_before TEXT,
    state_after TEXT,
    detail TEXT NOT NULL DEFAULT '{}'
);
INSERT INTO "alert_events" VALUES(1,1,1772398820000,'raised',NULL,NULL,NULL,'open','{"priority":"high","reason":{"text":"Help was called with {device}.","values":{"device":"sos-r01"}},"marks":[],"evidence":[{"frame":1,"kind":"help","device":"sos-r01","at":"2026-03-01T21:00:20Z"}],"happened_at":"2026-03-01T21:00:20Z"}');
INSERT INTO "alert_events" VALUES(2,2,1772398900000,'raised',NULL,NULL,NULL,'open','{"priority":"high","reason":{"text":"A fall was detected.","values":{}},"marks":[],"evidence":[{"frame":5,"kind":"fall","device":"fall-r02","at":"2026-03-01T21:01:40Z"}],"happened_at":"2026-03-01T21:01:40Z"}');
INSERT INTO "alert_events" VALUES(3,3,1772398920000,'raised',NULL,NULL,NULL,'open','{"priority":"medium","reason":{"text":"The battery of {device} is nearly empty: {battery_percent}.","values":{"device":"gps-r07","battery_percent":4.0}},"marks":[],"evidence":[{"frame":6,"kind":"status","device":"gps-r07","at":"2026-03-01T21:02:00Z"}],"happened_at":"2026-03-01T21:02:00Z"}');
INSERT INTO "alert_events" VALUES(4,1,1772398940000,'acknowledge','nora','page','open','acknowledged','{"run":0,"round":0,"step":0,"eta_minutes":5}');
INSERT INTO "alert_events" VALUES(5,1,1772399180000,'close','nora','page','acknowledged','closed','{"outcome":"real","note":"Helped her to the bathroom."}');
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    incident TEXT NOT NULL,                  -- resident/rule key/subject: at most one alert of it that is not closed
    resident TEXT,
    device TEXT,
    rule TEXT NOT NULL,
    rule_key TEXT NOT NULL,
    subject TEXT NOT NULL,
    priority TEXT NOT NULL,                  -- high, medium, low
    state TEXT NOT NULL,                     -- gateway.alerts.table
    reason TEXT NOT NULL,                    -- JSON rules.model.Reason
    marks TEXT NOT NULL,                     -- JSON [Reason]
    evidence TEXT NOT NULL,                  -- JSON [rules.model.Evidence]
    before TEXT,                             -- JSON state of the rule before the step that raised it
    after TEXT,
    raised_at INTEGER NOT NULL,
    happened_at INTEGER NOT NULL,
    repeats INTEGER NOT NULL DEFAULT 0,
    last_repeat_at INTEGER,
    policy TEXT NOT NULL,
    run INTEGER NOT NULL DEFAULT 0,          -- how often the escalation was begun anew (expired, re-opened)
    round INTEGER NOT NULL DEFAULT 0,        -- how often in this run all steps went by without an answer
    step INTEGER NOT NULL DEFAULT -1,        -- last escalation step that was started; after the last one: failsafe
    told_at INTEGER,                         -- when carers were last told of it
    escalate_at INTEGER,                     -- when the next step is due; NULL: nothing is due
    taken_by TEXT,                           -- carer who committed
    taken_at INTEGER,
    eta_at INTEGER,
    attended_at INTEGER,
    cleared_at INTEGER,
    closed_at INTEGER,
    closed_by TEXT,
    outcome TEXT,
    note TEXT,
    version INTEGER NOT NULL DEFAULT 1
, under INTEGER REFERENCES alerts (id), findings TEXT);
INSERT INTO "alerts" VALUES(1,'r01/help/','r01','sos-r01','help','help','','high','closed','{"text":"Help was called with {device}.","values":{"device":"sos-r01"}}','[]','[{"frame":1,"kind":"help","device":"sos-r01","at":"2026-03-01T21:00:20Z"}]',NULL,'{"of":"help","pressed":{"sos-r01":"2026-03-01T21:00:20Z"},"presses":1,"since":"2026-03-01T21:00:20Z"}',1772398820000,1772398820000,0,NULL,'family',0,0,0,1772398820000,NULL,'nora',1772398940000,1772399240000,NULL,NULL,1772399180000,'nora','real','Helped her to the bathroom.',4,NULL,NULL);
INSERT INTO "alerts" VALUES(2,'r02/fall/','r02','fall-r02','fall','fall','','high','open','{"text":"A fall was detected.","values":{}}','[]','[{"frame":5,"kind":"fall","device":"fall-r02","at":"2026-03-01T21:01:40Z"}]',NULL,'{"of":"fall","falls":{"fall-r02":{"stand":"told","at":"2026-03-01T21:01:40Z"}},"lie":{"since":"2026-03-01T21:01:40Z","until":"2026-03-01T21:11:40Z","evidence":[{"frame":5,"kind":"fall","device":"fall-r02","at":"2026-03-01T21:01:40Z"}]}}',1772398900000,1772398900000,0,NULL,'standard',0,0,0,1772398900000,1772399020000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,2,NULL,NULL);
INSERT INTO "alerts" VALUES(3,'r07/low_battery:gps-r07/gps-r07','r07','gps-r07','low_battery','low_battery:gps-r07','gps-r07','medium','open','{"text":"The battery of {device} is nearly empty: {battery_percent}.","values":{"device":"gps-r07","battery_percent":4.0}}','[]','[{"frame":6,"kind":"status","device":"gps-r07","at":"2026-03-01T21:02:00Z"}]',NULL,'{"of":"low_battery","level":"critical","at":"2026-03-01T21:02:00Z"}',1772398920000,1772398920000,0,NULL,'standard',0,0,0,1772398920000,1772399040000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,2,NULL,NULL);
CREATE TABLE answers (
    key TEXT PRIMARY KEY,                    -- carer/alert/key
    digest TEXT NOT NULL,                    -- what was asked for; another one under the same key is refused
    at INTEGER NOT NULL
, alert INTEGER) WITHOUT ROWID;
CREATE TABLE api_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash TEXT NOT NULL UNIQUE,         -- SHA-256
    carer TEXT NOT NULL,                     -- whose role it has
    name TEXT NOT NULL,                      -- what it is for, in the words of who made it
    scopes TEXT NOT NULL,                    -- gateway.console.tokens.Scope, sorted, with spaces between
    made_by TEXT NOT NULL,                   -- carer id or cli:<user>
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER                          -- at most a minute old; NULL: never
);
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO "audit" VALUES(1,1772398800000,'cli:test','centre.apply','centre/1','{"digest":"032e5e9074641127a1f688270ec4866325a2735b760ff0a345bdf395a3253e76"}','a5a9e0ed4ae3514c22cc3541fae80a1d238c5fc3731e4f0c133eaab23b7d8fae');
INSERT INTO "audit" VALUES(2,1772398820000,NULL,'alert.raised','alert/1','{}','dfa7136e492801d363669b4d7fba8392971d310e3adad312864d59f20fbf2f48');
INSERT INTO "audit" VALUES(3,1772398900000,NULL,'alert.raised','alert/2','{}','237f8792179ce7007e6496b189f852ff72e1f7bd72b9c25a6b27b6c6747c5e46');
INSERT INTO "audit" VALUES(4,1772398920000,NULL,'alert.raised','alert/3','{}','611e2817b877018f3d7877390b2b7216f5959c6825d67bec3ce9e56d20f1ecd3');
INSERT INTO "audit" VALUES(5,1772398940000,'nora','alert.acknowledge','alert/1','{"via":"page"}','2cdceab04e1897d167c6dcb06e2c98e4d4a5367f21ff2872afaf800d0f0b9500');
INSERT INTO "audit" VALUES(6,1772399180000,'nora','alert.close','alert/1','{"via":"page"}','c7757b63e3a16d66fd09923b8dee0a5b31311043e339d9c42b0ece4bedc9bbaa');
CREATE TABLE audit_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL,                    -- the last row that may go
    hash TEXT NOT NULL                       -- its hash: the next row follows from it
);
CREATE TABLE break_glass (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    resident TEXT NOT NULL,
    carer TEXT NOT NULL,
    why TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,                  -- ends by itself
    ended_at INTEGER                         -- ended by hand before that; NULL: not
);
CREATE TABLE care_notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    resident TEXT NOT NULL,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,                       -- carer id or cli:<user>
    text TEXT NOT NULL,
    corrects INTEGER REFERENCES care_notes (id),  -- the note that this one puts right; NULL: it stands by itself
    key TEXT                                 -- the sender's own key: the same again is a repetition; NULL: none
);
CREATE TABLE centre_sheets (
    digest TEXT PRIMARY KEY,                 -- of the text
    text TEXT NOT NULL
);
INSERT INTO "centre_sheets" VALUES('a03b24a6b58bad9818aa0255f7b4bae2402b4b3f','[{"id":"haven","language":"en","name":"Haven House","rounds":[],"timezone":"Europe/Malta"}]');
INSERT INTO "centre_sheets" VALUES('569b2ea106524ed67a45ffb7a6d1b5cb9c603f93','[{"description":"1.60 m, white hair, a red coat; walks with a walker; answers to Carm.","id":"r01","name":"Carmen Vella","note":"Uses a walker. Likes to walk to the chapel; her son Luca has the key.","relatives":["luca"],"room":"101","ward":"ground"},{"id":"r02","name":"Joseph Camilleri","note":"Hard of hearing on the left. Speak from the right side.","relatives":[],"room":"102","ward":"ground"},{"id":"r03","name":"Grazia Farrugia","note":"Sleeps lightly: please don''t switch on the ceiling light at night.","relatives":[],"room":"103","ward":"ground"},{"id":"r04","name":"Arthur Whitcombe","note":"Parkinson''s. Takes time to answer; wait for him.","relatives":[],"room":"104","visit":"https://visit.example.org/haven/104","ward":"ground"},{"id":"r05","name":"Karen Mikkelsen","note":"Speaks Danish and some English. Mette knows her well.","relatives":[],"room":"105","ward":"ground"},{"id":"r06","name":"Hans-Jürgen Brandt","note":"New hip since March. Two carers for getting up.","relatives":[],"room":"106","ward":"ground"},{"id":"r07","name":"Doris Zammit","note":"Goes to the day club on foot and knows the way.","relatives":[],"room":"201","ward":"upper"},{"id":"r08","name":"Salvu Attard","note":"Dementia. A familiar voice calms him; the virtual visit works well.","relatives":[],"room":"202","visit":"https://visit.example.org/haven/202","ward":"upper"},{"id":"r09","name":"Margaret Ellison","relatives":[],"room":"203","ward":"upper"},{"id":"r10","name":"Inge Sørensen","note":"Paints in the garden. Often leaves the pendant on the easel.","relatives":["freja"],"room":"204","ward":"upper"},{"id":"r11","name":"Ġorġa Micallef","note":"Diabetic. Wants to be asked before anybody enters.","relatives":[],"room":"205","ward":"upper"},{"id":"r12","name":"Wilhelm Krause","note":"Sells books at the Sunday market.","relatives":[],"room":"206","ward":"upper"}]');
INSERT INTO "centre_sheets" VALUES('d52f1239178f4f0d5ee6c3e333b4b63c858f8dea','[{"address":"gps-r01","downlinks":{},"format":"native","id":"gps-r01","mains":false,"silent_after_s":7200.0,"type":"tracker"},{"address":"sos-r01","downlinks":{},"format":"native","id":"sos-r01","mains":false,"silent_after_s":90000.0,"type":"sos_button"},{"address":"bed-r01","downlinks":{},"format":"native","id":"bed-r01","mains":false,"type":"bed_sensor"},{"address":"gps-r02","downlinks":{},"format":"native","id":"gps-r02","mains":false,"silent_after_s":7200.0,"type":"tracker"},{"address":"fall-r02","downlinks":{},"format":"native","id":"fall-r02","mains":false,"type":"fall_detector"},{"address":"bed-r03","downlinks":{},"format":"native","id":"bed-r03","mains":false,"type":"bed_sensor"},{"address":"cont-r03","downlinks":{},"format":"native","id":"cont-r03","mains":false,"type":"continence_sensor"},{"address":"sos-r03","downlinks":{},"format":"native","id":"sos-r03","mains":false,"silent_after_s":90000.0,"type":"sos_button"},{"address":"lamp-r03","downlinks":{},"format":"native","id":"lamp-r03","mains":true,"type":"lamp"},{"address":"fall-r04","downlinks":{},"format":"native","id":"fall-r04","mains":false,"type":"fall_detector"},{"address":"bed-r04","downlinks":{},"format":"native","id":"bed-r04","mains":false,"type":"bed_sensor"},{"address":"sos-r04","downlinks":{},"format":"native","id":"sos-r04","mains":false,"silent_after_s":90000.0,"type":"sos_button"},{"address":"gps-r05","downlinks":{},"format":"native","id":"gps-r05","mains":false,"silent_after_s":7200.0,"type":"tracker"},{"address":"cont-r05","downlinks":{},"format":"native","id":"cont-r05","mains":false,"type":"continence_sensor"},{"address":"bed-r06","downlinks":{},"format":"native","id":"bed-r06","mains":false,"type":"bed_sensor"},{"address":"cont-r06","downlinks":{},"format":"native","id":"cont-r06","mains":false,"type":"continence_sensor"},{"address":"fall-r06","downlinks":{},"format":"native","id":"fall-r06","mains":false,"type":"fall_detector"},{"address":"sos-r06","downlinks":{},"format":"native","id":"sos-r06","mains":false,"silent_after_s":90000.0,"type":"sos_button"},{"address":"gps-r07","downlinks":{},"format":"native","id":"gps-r07","mains":false,"silent_after_s":7200.0,"type":"tracker"},{"address":"sos-r07","downlinks":{},"format":"native","id":"sos-r07","mains":false,"silent_after_s":90000.0,"type":"sos_button"},{"address":"fall-r08","downlinks":{},"format":"native","id":"fall-r08","mains":false,"type":"fall_detector"},{"address":"bed-r08","downlinks":{},"format":"native","hub":"hub-house","id":"bed-r08","mains":true,"type":"bed_sensor"},{"address":"cont-r08","downlinks":{},"format":"native","id":"cont-r08","mains":false,"type":"continence_sensor"},{"address":"sos-r08","downlinks":{},"format":"native","id":"sos-r08","mains":false,"silent_after_s":90000.0,"type":"sos_button"},{"address":"lamp-r08","downlinks":{},"format":"native","id":"lamp-r08","mains":true,"type":"lamp"},{"address":"sos-r09","downlinks":{},"format":"native","id":"sos-r09","mains":false,"silent_after_s":90000.0,"type":"sos_button"},{"address":"bed-r09","downlinks":{},"format":"native","id":"bed-r09","mains":false,"type":"bed_sensor"},{"address":"gps-r10","downlinks":{},"format":"native","id":"gps-r10","mains":false,"silent_after_s":7200.0,"type":"tracker"},{"address":"fall-r10","downlinks":{},"format":"native","id":"fall-r10","mains":false,"type":"fall_detector"},{"address":"sos-r10","downlinks":{},"format":"native","id":"sos-r10","mains":false,"silent_after_s":90000.0,"type":"sos_button"},{"address":"cont-r11","downlinks":{},"format":"native","id":"cont-r11","mains":false,"type":"continence_sensor"},{"address":"bed-r11","downlinks":{},"format":"native","id":"bed-r11","mains":false,"type":"bed_sensor"},{"address":"sos-r11","downlinks":{},"format":"native","id":"sos-r11","mains":false,"silent_after_s":90000.0,"type":"sos_button"},{"address":"oxy-r11","downlinks":{},"format":"native","id":"oxy-r11","mains":false,"silent_after_s":2592000.0,"type":"other"},{"address":"gps-r12","downlinks":{},"format":"native","id":"gps-r12","mains":false,"silent_after_s":7200.0,"type":"tracker"},{"address":"bed-r12","downlinks":{},"format":"native","id":"bed-r12","mains":false,"type":"bed_sensor"},{"address":"hub-house","downlinks":{},"format":"native","id":"hub-house","mains":true,"silent_after_s":2592000.0,"type":"hub"},{"address":"door-front","downlinks":{},"format":"native","hub":"hub-house","id":"door-front","mains":false,"room":"hall","silent_after_s":2592000.0,"type":"door_sensor"},{"address":"motion-corridor","downlinks":{},"format":"native","hub":"hub-house","id":"motion-corridor","mains":false,"room":"corridor","silent_after_s":2592000.0,"type":"motion_sensor"},{"address":"gps-luca","carer":"luca","downlinks":{},"format":"native","id":"gps-luca","mains":false,"type":"tracker"},{"address":"gps-spare","downlinks":{},"format":"native","id":"gps-spare","mains":false,"type":"tracker"}]');
INSERT INTO "centre_sheets" VALUES('5dabb5779d9af94ac1945c4f36e9afd870891855','[{"device":"gps-r01","from":"2025-01-01T00:00:00Z","resident":"r01"},{"device":"sos-r01","from":"2025-01-01T00:00:00Z","resident":"r01"},{"device":"bed-r01","from":"2025-01-01T00:00:00Z","resident":"r01"},{"device":"gps-r02","from":"2025-01-01T00:00:00Z","resident":"r02"},{"device":"fall-r02","from":"2025-01-01T00:00:00Z","resident":"r02"},{"device":"bed-r03","from":"2025-01-01T00:00:00Z","resident":"r03"},{"device":"cont-r03","from":"2025-01-01T00:00:00Z","resident":"r03"},{"device":"sos-r03","from":"2025-01-01T00:00:00Z","resident":"r03"},{"device":"lamp-r03","from":"2025-01-01T00:00:00Z","resident":"r03"}]');
INSERT INTO "centre_sheets" VALUES('040e4b73adf37019fc581d9300e7eaf423a4b2a2','[{"device":"fall-r04","from":"2025-01-01T00:00:00Z","resident":"r04"},{"device":"bed-r04","from":"2025-01-01T00:00:00Z","resident":"r04"},{"device":"sos-r04","from":"2025-01-01T00:00:00Z","resident":"r04"},{"device":"gps-r05","from":"2025-01-01T00:00:00Z","resident":"r05"},{"device":"cont-r05","from":"2025-01-01T00:00:00Z","resident":"r05"},{"device":"bed-r06","from":"2025-01-01T00:00:00Z","resident":"r06"},{"device":"cont-r06","from":"2025-01-01T00:00:00Z","resident":"r06"},{"device":"fall-r06","from":"2025-01-01T00:00:00Z","resident":"r06"},{"device":"gps-r07","from":"2025-01-01T00:00:00Z","resident":"r02","to":"2025-06-01T08:00:00Z"},{"device":"sos-r06","from":"2025-01-01T00:00:00Z","resident":"r06"},{"device":"gps-r07","from":"2025-06-01T08:00:00Z","resident":"r07"},{"device":"sos-r07","from":"2025-01-01T00:00:00Z","resident":"r07"},{"device":"fall-r08","from":"2025-01-01T00:00:00Z","resident":"r08"},{"device":"bed-r08","from":"2025-01-01T00:00:00Z","resident":"r08"},{"device":"cont-r08","from":"2025-01-01T00:00:00Z","resident":"r08"},{"device":"sos-r08","from":"2025-01-01T00:00:00Z","resident":"r08"},{"device":"lamp-r08","from":"2025-01-01T00:00:00Z","resident":"r08"},{"device":"sos-r09","from":"2025-01-01T00:00:00Z","resident":"r09"},{"device":"bed-r09","from":"2025-01-01T00:00:00Z","resident":"r09"},{"device":"gps-r10","from":"2025-01-01T00:00:00Z","resident":"r10"},{"device":"fall-r10","from":"2025-01-01T00:00:00Z","resident":"r10"},{"device":"sos-r10","from":"2025-01-01T00:00:00Z","resident":"r10"},{"device":"cont-r11","from":"2025-01-01T00:00:00Z","resident":"r11"},{"device":"bed-r11","from":"2025-01-01T00:00:00Z","resident":"r11"},{"device":"sos-r11","from":"2025-01-01T00:00:00Z","resident":"r11"},{"device":"oxy-r11","from":"2025-01-01T00:00:00Z","resident":"r11"},{"device":"gps-r12","from":"2025-01-01T00:00:00Z","resident":"r12"},{"device":"bed-r12","from":"2025-01-01T00:00:00Z","resident":"r12"}]');
INSERT INTO "centre_sheets" VALUES('cd639db571be6d3120314734cef0aab1e6a99edd','[{"contacts":[{"address":"terminal","channel":"log","shows":"lock_screen"},{"address":"nora@haven.example","channel":"smtp","shows":"details"}],"id":"nora","kind":"person","language":"en","name":"Nora Borg","role":"carer","wards":[]},{"contacts":[{"address":"terminal","channel":"log","shows":"lock_screen"},{"address":"ntfys://ntfy.haven.example/mette","channel":"apprise","shows":"lock_screen"}],"id":"mette","kind":"person","language":"da","name":"Mette Holm","role":"carer","wards":["ground"]},{"contacts":[{"address":"terminal","channel":"log","shows":"lock_screen"},{"address":"telecare/{site}/carer/{carer}/{alert}","channel":"mqtt","shows":"lock_screen"}],"id":"night","kind":"person","language":"mt","name":"Night shift","role":"carer","wards":[]},{"contacts":[{"address":"terminal","channel":"log","shows":"lock_screen"},{"address":"luca.vella@mail.example","channel":"smtp","shows":"details"}],"id":"luca","kind":"person","language":"it","name":"Luca Vella","role":"relative","wards":[]},{"contacts":[{"address":"terminal","channel":"log","shows":"lock_screen"},{"address":"freja@mail.example","channel":"smtp","shows":"lock_screen"}],"id":"freja","kind":"person","language":"da","name":"Freja Sørensen","quiet":{"from":"22:00:00","until":"07:00:00"},"role":"relative","wards":[]},{"contacts":[{"address":"terminal","channel":"log","shows":"lock_screen"},{"address":"https://alarm-centre.haven.example/telecare","channel":"webhook","shows":"lock_screen"}],"id":"sam","kind":"person","language":"en","name":"Samuel Grech","role":"manager","wards":[]},{"contacts":[{"address":"terminal","channel":"log","shows":"lock_screen"},{"address":"ada@haven.example","channel":"smtp","shows":"lock_screen"}],"id":"ada","kind":"person","language":"en","name":"Ada Camilleri","role":"admin","wards":[]}]');
INSERT INTO "centre_sheets" VALUES('5e11087e5bf371801a68420ec2b692b8b8a23dec','[{"id":"care","name":"Care on duty","role":"care","weekly":[{"carers":["nora","mette"],"days":"mon-fri","from":"07:00:00","to":"15:00:00"},{"carers":["mette"],"days":"sat,sun","from":"07:00:00","to":"15:00:00"},{"carers":["nora"],"days":"daily","from":"15:00:00","to":"22:00:00"},{"carers":["night"],"days":"daily","from":"22:00:00","to":"07:00:00"}]}]');
INSERT INTO "centre_sheets" VALUES('8b9e9515b43a425bb15a7e4236910fedb9fdbb6a','[{"failsafe":["sam"],"id":"standard","rounds":1,"steps":[{"alarm_centre":false,"relatives":false,"roles":[],"to":["nora"],"wait_s":120.0},{"alarm_centre":false,"relatives":false,"roles":["care"],"to":["mette"],"wait_s":120.0}],"when":[{"id":"devices","priorities":["low"],"rules":[],"steps":[{"alarm_centre":false,"relatives":false,"roles":[],"to":["nora"],"wait_s":1800.0},{"alarm_centre":false,"relatives":false,"roles":["care"],"to":[],"wait_s":1800.0}]}]},{"failsafe":["sam"],"id":"night","rounds":1,"steps":[{"alarm_centre":false,"relatives":false,"roles":[],"to":["night"],"wait_s":90.0},{"alarm_centre":false,"relatives":false,"roles":[],"to":["nora","mette"],"wait_s":120.0}],"when":[]},{"failsafe":["sam"],"id":"family","rounds":1,"steps":[{"alarm_centre":false,"relatives":false,"roles":[],"to":["nora"],"wait_s":120.0},{"alarm_centre":false,"relatives":true,"roles":["care"],"to":[],"wait_s":180.0}],"when":[]}]');
INSERT INTO "centre_sheets" VALUES('1b7c78ac8d1182bf132f5d9261de9021cda17f5d','[{"consents":{"activity":false,"continence":false,"location":"alarm","relatives":["location"],"search":true,"sleep":true},"policy":"family","resident":"r01","rules":[{"old_after_s":60.0,"repeat_within_s":600.0,"rule":"help"},{"assumed_accuracy_m":30.0,"companion_fresh_s":300.0,"companion_within_m":100.0,"companions":["luca"],"confirmations":2,"decide_within_s":60.0,"fastest_mps":2.5,"jump_within_s":360.0,"old_after_s":300.0,"priority":"high","recent_s":1800.0,"rule":"zone_exit","start_grace_s":120.0,"unsure_after_s":900.0,"wavering_s":600.0,"zone":"village"},{"from":"22:00:00","minutes":20.0,"priority":"medium","rule":"bed_exit","to":"06:30:00"},{"learn":true,"not_before_s":900.0,"offline_after_s":90.0,"priority":"medium","rule":"silent","steady_after_s":3600.0,"unsteady_after":3,"unsteady_within_s":21600.0},{"critical_percent":10.0,"low_percent":20.0,"rule":"low_battery"}]},{"consents":{"activity":false,"continence":false,"location":"alarm","relatives":[],"search":false,"sleep":false},"policy":"standard","resident":"r02","rules":[{"old_after_s":60.0,"repeat_within_s":600.0,"rule":"help"},{"again_within_s":600.0,"cancel_within_s":0.0,"ended_clears":false,"long_lie_after_s":600.0,"rule":"fall","still_after_s":20.0,"suspected_after_s":30.0},{"assumed_accuracy_m":30.0,"companion_fresh_s":300.0,"companion_within_m":100.0,"companions":[],"confirmations":2,"decide_within_s":60.0,"fastest_mps":2.5,"jump_within_s":360.0,"old_after_s":300.0,"priority":"high","recent_s":1800.0,"rule":"zone_exit","start_grace_s":120.0,"unsure_after_s":900.0,"wavering_s":600.0,"zone":"haven-garden"},{"learn":true,"not_before_s":900.0,"offline_after_s":90.0,"priority":"medium","rule":"silent","steady_after_s":3600.0,"unsteady_after":3,"unsteady_within_s":21600.0},{"critical_percent":10.0,"low_percent":20.0,"rule":"low_battery"},{"days":365.0,"falls":2,"priority":"medium","rule":"falls_often"},{"at_most_every_s":120.0,"command":"locate","rule":"answer","to":"zone_exit","when":"raised"}]},{"consents":{"activity":false,"continence":true,"location":"never","relatives":[],"search":false,"sleep":true},"policy":"night","resident":"r03","rules":[{"old_after_s":60.0,"repeat_within_s":600.0,"rule":"help"},{"from":"22:00:00","minutes":15.0,"priority":"medium","rule":"bed_exit","to":"06:00:00"},{"dry_percent":10.0,"grace_minutes":30.0,"overdue_after_minutes":45.0,"priority":"medium","rule":"continence","tell_when_due":false},{"learn":true,"not_before_s":900.0,"offline_after_s":90.0,"priority":"medium","rule":"silent","steady_after_s":3600.0,"unsteady_after":3,"unsteady_within_s":21600.0},{"critical_percent":10.0,"low_percent":20.0,"rule":"low_battery"},{"factor":3.5,"from":"22:00:00","nights":7,"priority":"low","rule":"restless_night","settle_minutes":30.0,"to":"06:00:00"},{"at_most_every_s":30.0,"from":"21:00:00","lamp":"lamp-r03","off_after_minutes":20.0,"off_delay_s":30.0,"rule":"path_light","to":"07:00:00"}]},{"consents":{"activity":false,"continence":false,"location":"never","relatives":[],"search":false,"sleep":true},"policy":"standard","resident":"r04","rules":[{"old_after_s":60.0,"repeat_within_s":600.0,"rule":"help"},{"again_within_s":600.0,"cancel_within_s":20.0,"ended_clears":false,"long_lie_after_s":600.0,"rule":"fall","still_after_s":20.0,"suspected_after_s":30.0},{"from":"22:00:00","minutes":5.0,"priority":"high","rule":"bed_exit","to":"06:00:00"},{"learn":true,"not_before_s":900.0,"offline_after_s":90.0,"priority":"medium","rule":"silent","steady_after_s":3600.0,"unsteady_after":3,"unsteady_within_s":21600.0},{"critical_percent":10.0,"low_percent":20.0,"rule":"low_battery"},{"factor":3.5,"for_s":600.0,"from":"22:00:00","guard_priority":"high","high":131.0,"low":40.0,"min_quality_percent":50.0,"nights":7,"own":true,"priority":"medium","readings":5,"rule":"heart_rate","to":"07:00:00"},{"factor":3.5,"for_s":600.0,"from":"22:00:00","guard_priority":"high","high":25.0,"low":8.0,"min_quality_percent":50.0,"nights":7,"own":true,"priority":"medium","readings":5,"rule":"breathing","to":"07:00:00"},{"days":30.0,"falls":3,"priority":"medium","rule":"falls_often"}]},{"consents":{"activity":false,"continence":true,"location":"always","relatives":[],"search":false,"sleep":false},"policy":"standard","resident":"r05","rules":[{"old_after_s":60.0,"repeat_within_s":600.0,"rule":"help"},{"assumed_accuracy_m":30.0,"companion_fresh_s":300.0,"companion_within_m":100.0,"companions":[],"confirmations":3,"decide_within_s":90.0,"fastest_mps":2.5,"jump_within_s":360.0,"old_after_s":300.0,"priority":"high","recent_s":1800.0,"rule":"zone_exit","start_grace_s":120.0,"unsure_after_s":900.0,"wavering_s":600.0,"zone":"haven-garden"},{"dry_percent":10.0,"grace_minutes":30.0,"overdue_after_minutes":60.0,"priority":"medium","rule":"continence","tell_when_due":false},{"learn":true,"not_before_s":900.0,"offline_after_s":90.0,"priority":"medium","rule":"silent","steady_after_s":3600.0,"unsteady_after":3,"unsteady_within_s":21600.0},{"critical_percent":10.0,"low_percent":20.0,"rule":"low_battery"},{"assumed_accuracy_m":30.0,"companion_fresh_s":300.0,"companion_within_m":100.0,"companions":[],"confirmations":1,"crossing_s":60.0,"decide_within_s":20.0,"fastest_mps":2.5,"jump_within_s":60.0,"near_accuracy_m":50.0,"near_s":30.0,"old_after_s":300.0,"priority":"high","recent_s":1800.0,"rule":"zone_entry","start_grace_s":120.0,"zone":"pond"},{"minutes":60.0,"priority":"low","rule":"continence_off"},{"dry_percent":10.0,"hours":10.0,"priority":"low","rule":"not_changed"}]},{"consents":{"activity":false,"continence":true,"location":"never","relatives":[],"search":false,"sleep":true},"policy":"night","resident":"r06","rules":[{"old_after_s":60.0,"repeat_within_s":600.0,"rule":"help"},{"again_within_s":600.0,"cancel_within_s":0.0,"ended_clears":false,"long_lie_after_s":600.0,"rule":"fall","still_after_s":20.0,"suspected_after_s":30.0},{"from":"21:00:00","minutes":10.0,"priority":"medium","rule":"bed_exit","to":"07:00:00"},{"dry_percent":10.0,"grace_minutes":30.0,"overdue_after_minutes":60.0,"priority":"medium","rule":"continence","tell_when_due":true},{"learn":true,"not_before_s":900.0,"offline_after_s":90.0,"priority":"medium","rule":"silent","steady_after_s":3600.0,"unsteady_after":3,"unsteady_within_s":21600.0},{"critical_percent":10.0,"low_percent":20.0,"rule":"low_battery"},{"again_minutes":20.0,"again_priority":"high","from":"22:00:00","minutes":25.0,"priority":"medium","rule":"not_back","to":"06:00:00"},{"by":"10:30:00","from":"04:00:00","priority":"medium","rule":"not_up_by","up_minutes":20.0}]},{"consents":{"activity":true,"continence":false,"location":"alarm","relatives":[],"search":false,"sleep":false},"policy":"standard","resident":"r07","rules":[{"old_after_s":60.0,"repeat_within_s":600.0,"rule":"help"},{"assumed_accuracy_m":30.0,"companion_fresh_s":300.0,"companion_within_m":100.0,"companions":[],"confirmations":2,"decide_within_s":60.0,"fastest_mps":2.5,"jump_within_s":360.0,"old_after_s":300.0,"priority":"medium","recent_s":1800.0,"rule":"zone_exit","start_grace_s":120.0,"unsure_after_s":900.0,"wavering_s":600.0,"zone":"village"},{"learn":true,"not_before_s":900.0,"offline_after_s":90.0,"priority":"medium","rule":"silent","steady_after_s":3600.0,"unsteady_after":3,"unsteady_within_s":21600.0},{"critical_percent":10.0,"low_percent":20.0,"rule":"low_battery"},{"assumed_accuracy_m":30.0,"by":"18:30:00","days":"daily","priority":"medium","recent_s":86400.0,"rule":"return_by","schedule":{"calendar":"day-club","weekly":[]},"unknown_priority":"low","zone":"haven-garden"},{"after_hours":12.0,"devices":[],"event_only":["motion_sensor","door_sensor"],"from":"08:00:00","priority":"medium","rule":"no_movement","to":"22:00:00"}]},{"consents":{"activity":true,"continence":true,"location":"never","relatives":[],"search":false,"sleep":true},"policy":"night","resident":"r08","rules":[{"old_after_s":60.0,"repeat_within_s":600.0,"rule":"help"},{"again_within_s":600.0,"cancel_within_s":0.0,"ended_clears":false,"long_lie_after_s":600.0,"rule":"fall","still_after_s":20.0,"suspected_after_s":30.0},{"from":"22:00:00","minutes":15.0,"priority":"medium","rule":"bed_exit","to":"06:00:00"},{"dry_percent":10.0,"grace_minutes":30.0,"overdue_after_minutes":60.0,"priority":"medium","rule":"continence","tell_when_due":false},{"learn":true,"not_before_s":900.0,"offline_after_s":90.0,"priority":"medium","rule":"silent","steady_after_s":3600.0,"unsteady_after":3,"unsteady_within_s":21600.0},{"critical_percent":10.0,"low_percent":20.0,"rule":"low_battery"},{"minutes":30.0,"priority":"medium","rule":"bed_sensor_silent"},{"away_minutes":20.0,"changes":6,"corridors":["motion-corridor"],"from":"22:00:00","near_s":120.0,"own_room":"202","priority":"medium","rule":"night_wandering","to":"06:00:00","within_minutes":30.0},{"by":"resident","doors":["door-front"],"from":"22:00:00","priority":"medium","rule":"door_at_night","seen_within_s":120.0,"to":"06:00:00","wait_s":120.0},{"lamp":"lamp-r08","rule":"day_light","steps":[{"at":"08:00:00","command":"light-day"},{"at":"18:00:00","command":"light-evening"},{"at":"21:30:00","command":"light-night"}]},{"after_s":0.0,"priority":"low","rule":"tamper"}]},{"consents":{"activity":false,"continence":false,"location":"never","relatives":[],"search":false,"sleep":true},"policy":"standard","resident":"r09","rules":[{"old_after_s":60.0,"repeat_within_s":600.0,"rule":"help"},{"from":"22:00:00","minutes":30.0,"priority":"medium","rule":"bed_exit","to":"06:00:00"},{"learn":true,"not_before_s":900.0,"offline_after_s":90.0,"priority":"medium","rule":"silent","steady_after_s":3600.0,"unsteady_after":3,"unsteady_within_s":21600.0},{"critical_percent":10.0,"low_percent":20.0,"rule":"low_battery"},{"by":"00:30:00","out_minutes":20.0,"priority":"low","rule":"not_in_bed_by"}]},{"consents":{"activity":false,"continence":false,"location":"alarm","relatives":["location"],"search":false,"sleep":false},"policy":"family","resident":"r10","rules":[{"old_after_s":60.0,"repeat_within_s":600.0,"rule":"help"},{"again_within_s":600.0,"cancel_within_s":0.0,"ended_clears":false,"long_lie_after_s":600.0,"rule":"fall","still_after_s":20.0,"suspected_after_s":30.0},{"assumed_accuracy_m":30.0,"companion_fresh_s":300.0,"companion_within_m":100.0,"companions":[],"confirmations":2,"decide_within_s":60.0,"fastest_mps":2.5,"jump_within_s":360.0,"old_after_s":300.0,"priority":"high","recent_s":1800.0,"rule":"zone_exit","start_grace_s":120.0,"unsure_after_s":900.0,"wavering_s":600.0,"zone":"park"},{"learn":true,"not_before_s":900.0,"offline_after_s":90.0,"priority":"medium","rule":"silent","steady_after_s":3600.0,"unsteady_after":3,"unsteady_within_s":21600.0},{"critical_percent":10.0,"low_percent":30.0,"rule":"low_battery"},{"after_s":900.0,"assumed_accuracy_m":30.0,"battery_percent":15.0,"battery_priority":"medium","offline_after_s":120.0,"priority":"high","rule":"out_of_sight","zones":["park","chapel-path"]},{"after_s":600.0,"device":"sos-r10","priority":"medium","rule":"removed","schedule":{"weekly":[{"days":"daily","from":"08:00:00","to":"20:00:00"}]}},{"after_s":30.0,"priority":"medium","rule":"switched_off"},{"by":"21:30:00","enough_percent":60.0,"priority":"low","rule":"charge_by"}]},{"consents":{"activity":false,"continence":true,"location":"never","relatives":[],"search":false,"sleep":true},"policy":"night","resident":"r11","rules":[{"old_after_s":60.0,"repeat_within_s":600.0,"rule":"help"},{"from":"22:00:00","minutes":20.0,"priority":"medium","rule":"bed_exit","to":"06:00:00"},{"dry_percent":10.0,"grace_minutes":30.0,"overdue_after_minutes":60.0,"priority":"medium","rule":"continence","tell_when_due":false},{"learn":true,"not_before_s":900.0,"offline_after_s":90.0,"priority":"medium","rule":"silent","steady_after_s":3600.0,"unsteady_after":3,"unsteady_within_s":21600.0},{"critical_percent":10.0,"low_percent":20.0,"rule":"low_battery"},{"for_s":600.0,"guard_priority":"high","low_percent":91.0,"min_quality_percent":50.0,"readings":5,"rule":"oxygen"},{"all":[{"changes":false,"count":5,"field":"in_bed","for_s":0.0,"holds_s":300.0,"kind":"bed","op":"=","value":false,"within_s":10800.0}],"any":[],"clear_for_s":60.0,"id":"up-often","priority":"low","rule":"custom","schedule":{"weekly":[{"days":"daily","from":"22:00:00","to":"06:00:00"}]},"title":"Up often tonight"}]},{"consents":{"activity":true,"continence":false,"location":"alarm","relatives":[],"search":false,"sleep":true},"policy":"standard","resident":"r12","rules":[{"old_after_s":60.0,"repeat_within_s":600.0,"rule":"help"},{"assumed_accuracy_m":30.0,"companion_fresh_s":300.0,"companion_within_m":100.0,"companions":[],"confirmations":2,"decide_within_s":60.0,"fastest_mps":2.5,"jump_within_s":360.0,"old_after_s":300.0,"priority":"high","recent_s":1800.0,"rule":"zone_exit","start_grace_s":120.0,"unsure_after_s":900.0,"wavering_s":600.0,"zone":"home-and-market"},{"from":"22:00:00","minutes":20.0,"priority":"medium","rule":"bed_exit","to":"06:00:00"},{"learn":true,"not_before_s":900.0,"offline_after_s":90.0,"priority":"medium","rule":"silent","steady_after_s":3600.0,"unsteady_after":3,"unsteady_within_s":21600.0},{"critical_percent":10.0,"low_percent":20.0,"rule":"low_battery"},{"assumed_accuracy_m":30.0,"grace_minutes":20.0,"priority":"medium","recent_s":3600.0,"rule":"not_where_expected","schedule":{"weekly":[{"days":"daily","from":"23:00:00","to":"06:00:00"}]},"unknown_priority":"low","zone":"home-and-market"},{"devices":[],"least_hours":3,"priority":"low","rule":"unusual_inactivity"},{"ahead_s":120.0,"behind_s":600.0,"over_s":300.0,"priority":"low","readings":3,"rule":"clock_wrong","spread_s":60.0}]}]');
INSERT INTO "centre_sheets" VALUES('f53fede6580aff86bf238c570d2ef8ecece2d685','[{"policy":"standard","rules":[{"learn":true,"not_before_s":900.0,"offline_after_s":90.0,"priority":"medium","rule":"silent","steady_after_s":3600.0,"unsteady_after":3,"unsteady_within_s":21600.0},{"critical_percent":10.0,"low_percent":20.0,"rule":"low_battery"},{"after_s":0.0,"priority":"low","rule":"tamper"},{"by":"resident","doors":["door-front"],"from":"23:00:00","priority":"medium","rule":"door_at_night","seen_within_s":120.0,"to":"05:30:00","wait_s":120.0}]}]');
INSERT INTO "centre_sheets" VALUES('048554c1148ecb76075019fa8e7a7b831cbcabd9','[{"beacons":["beacon-hall"],"geometry":{"coordinates":[[[14.39955,35.88975],[14.40065,35.88975],[14.40065,35.89015],[14.40025,35.89015],[14.40025,35.89035],[14.39955,35.89035],[14.39955,35.88975]]],"type":"Polygon"},"id":"haven-house","name":"Haven House","rooms":["hall","corridor","lounge"]},{"beacons":[],"geometry":{"coordinates":[[[14.3988,35.8891],[14.4014,35.8891],[14.4016,35.8899],[14.4012,35.891],[14.399,35.8909],[14.3988,35.8891]],[[14.4009,35.8905],[14.4011,35.8905],[14.4011,35.8907],[14.4009,35.8907],[14.4009,35.8905]]],"type":"Polygon"},"id":"haven-garden","name":"House and garden","rooms":[]},{"beacons":[],"geometry":{"coordinates":[[[14.395,35.8865],[14.403,35.886],[14.406,35.8895],[14.4045,35.8935],[14.3975,35.894],[14.3945,35.8905],[14.395,35.8865]]],"type":"Polygon"},"id":"village","name":"Village centre","rooms":[]},{"beacons":[],"geometry":{"coordinates":[14.4,35.89],"type":"Point"},"id":"park","name":"House and park","radius_m":450.0,"rooms":[]},{"beacons":[],"geometry":{"coordinates":[14.4042,35.8874],"type":"Point"},"id":"day-club","name":"Day club","radius_m":90.0,"rooms":[]},{"beacons":[],"geometry":{"coordinates":[[[[14.3988,35.8891],[14.4014,35.8891],[14.4016,35.8899],[14.4012,35.891],[14.399,35.8909],[14.3988,35.8891]]],[[[14.3962,35.8878],[14.3976,35.8878],[14.3976,35.8888],[14.3962,35.8888],[14.3962,35.8878]]]],"type":"MultiPolygon"},"id":"home-and-market","name":"House and Sunday market","rooms":[]},{"beacons":[],"geometry":{"coordinates":[[[14.4009,35.8905],[14.4011,35.8905],[14.4011,35.8907],[14.4009,35.8907],[14.4009,35.8905]]],"type":"Polygon"},"id":"pond","name":"Pond in the garden","rooms":[]},{"beacons":[],"geometry":{"coordinates":[[14.4035,35.8915],[14.4052,35.8922],[14.4061,35.8931]],"type":"LineString"},"id":"chapel-path","name":"Way to the chapel","rooms":[],"width_m":40.0}]');
INSERT INTO "centre_sheets" VALUES('2f8f85d816da0fecff35cf4bb4c05ad5bc285860','[{"id":"day-club","text":"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Haven House//Day club//EN\nBEGIN:VEVENT\nUID:day-club-1@haven.example\nDTSTAMP:20250101T000000Z\nDTSTART;TZID=Europe/Malta:20250107T090000\nDTEND;TZID=Europe/Malta:20250107T190000\nRRULE:FREQ=WEEKLY;BYDAY=TU,TH\nEXDATE;TZID=Europe/Malta:20251225T090000\nSUMMARY:Day club\\, with the walk home\nEND:VEVENT\nEND:VCALENDAR\n"}]');
CREATE TABLE "centre_versions" (
    version INTEGER PRIMARY KEY,
    applied_at INTEGER NOT NULL,
    applied_by TEXT,
    digest TEXT NOT NULL,                    -- as the audit has it
    sheets TEXT NOT NULL,                    -- JSON: the digests of its sheets in order, by table; zones included
    why TEXT,                                -- in the words of who changed it; NULL: nobody said
    undoes INTEGER                           -- the version whose change this one takes back
);
INSERT INTO "centre_versions" VALUES(1,1772398800000,'cli:test','032e5e9074641127a1f688270ec4866325a2735b760ff0a345bdf395a3253e76','{"assignments":["5dabb5779d9af94ac1945c4f36e9afd870891855","040e4b73adf37019fc581d9300e7eaf423a4b2a2"],"calendars":["2f8f85d816da0fecff35cf4bb4c05ad5bc285860"],"care_plans":["1b7c78ac8d1182bf132f5d9261de9021cda17f5d"],"carers":["cd639db571be6d3120314734cef0aab1e6a99edd"],"centre":["a03b24a6b58bad9818aa0255f7b4bae2402b4b3f"],"devices":["d52f1239178f4f0d5ee6c3e333b4b63c858f8dea"],"house_plans":["f53fede6580aff86bf238c570d2ef8ecece2d685"],"policies":["8b9e9515b43a425bb15a7e4236910fedb9fdbb6a"],"residents":["569b2ea106524ed67a45ffb7a6d1b5cb9c603f93"],"shifts":["5e11087e5bf371801a68420ec2b692b8b8a23dec"],"zones":["048554c1148ecb76075019fa8e7a7b831cbcabd9"]}',NULL,NULL);
CREATE TABLE commands (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,                 -- UUID; goes to the device, which names it in its answer
    device TEXT NOT NULL,                    -- the centre's id
    resident TEXT,                           -- who wore it then; NULL: nobody
    command TEXT NOT NULL,                   -- ring, find, light-on, light-off, locate
    state TEXT NOT NULL,                     -- gateway.commands.table
    who TEXT NOT NULL,                       -- carer id, cli:<user>, or the gateway's part that asked
    why TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,             -- after that it is of no use, and not sent any more
    due_at INTEGER,                          -- when it is to be sent (again); NULL: not any more
    attempts INTEGER NOT NULL DEFAULT 0,
    sent_at INTEGER,                         -- when the broker first had it
    settled_at INTEGER,                      -- from then on nothing changes any more
    since INTEGER NOT NULL,                  -- journal.seq when it was asked for: its answer comes after that
    detail TEXT                              -- why it was refused, failed or expired
);
CREATE TABLE consent_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    resident TEXT NOT NULL,
    at INTEGER NOT NULL,                     -- when it was written down
    who TEXT NOT NULL,                       -- carer id who wrote it down
    agreed_by TEXT NOT NULL,                 -- resident, representative
    agreed_name TEXT NOT NULL,               -- of the representative; may be empty
    agreed_on TEXT NOT NULL,                 -- local day, 2026-01-31
    how TEXT NOT NULL,                       -- in words: signed form, talk at the table
    version INTEGER NOT NULL,                -- of the centre, from which on it counts
    before TEXT NOT NULL,                    -- JSON gateway.centre.model.Consents
    after TEXT NOT NULL,
    stopped TEXT NOT NULL DEFAULT '[]'       -- JSON: rules that may not watch any more, to be begun again
);
CREATE TABLE contact_tests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    carer TEXT NOT NULL,
    contact INTEGER NOT NULL,                -- which of the carer's contacts, from 0
    channel TEXT NOT NULL,
    address_hash TEXT NOT NULL,              -- gateway.alerts.contact_tests.address_hash: a changed address is untested
    at INTEGER NOT NULL,
    by TEXT NOT NULL,                        -- carer id, cli:<user>, or gateway: the monthly test
    ok INTEGER NOT NULL,                     -- 1: the provider took it over
    detail TEXT,                             -- why it failed
    confirmed_at INTEGER                     -- when the carer said that it came
);
CREATE TABLE erasures (
    resident TEXT PRIMARY KEY,
    asked_at INTEGER NOT NULL,
    asked_by TEXT NOT NULL,
    done_at INTEGER,                         -- NULL: begun, and to be gone on with
    counts TEXT NOT NULL DEFAULT '{}'        -- JSON {what: how many rows}
) WITHOUT ROWID;
CREATE TABLE event_ids (
    device TEXT NOT NULL,
    event_id TEXT NOT NULL,
    frame INTEGER NOT NULL,
    PRIMARY KEY (device, event_id)
) WITHOUT ROWID;
INSERT INTO "event_ids" VALUES('native:bed-r01','bed:b-1',2);
INSERT INTO "event_ids" VALUES('native:fall-r02','fall:detected:f-1',5);
INSERT INTO "event_ids" VALUES('native:gps-r01','position:p-1',3);
INSERT INTO "event_ids" VALUES('native:gps-r07','status:s-1',6);
INSERT INTO "event_ids" VALUES('native:sos-r01','help:pressed:h-1',1);
CREATE TABLE exports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    resident TEXT NOT NULL,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,                       -- carer id or cli:<user>
    why TEXT NOT NULL
);
CREATE TABLE former_residents (
    resident TEXT PRIMARY KEY,
    name TEXT NOT NULL,                      -- as it was last: with the same name it is the same person
    version INTEGER NOT NULL,                -- of the centre, the last with them in it
    left_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE identities (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    issuer TEXT NOT NULL,                    -- as in gateway.toml, letter by letter
    subject TEXT NOT NULL,                   -- the provider's id of the account (claim sub); never given to another
    carer TEXT NOT NULL,
    shown TEXT NOT NULL,                     -- how the provider names it, for people; empty: linked on the command line
    linked_by TEXT NOT NULL,                 -- carer id, cli:<user>, or claim:<its name>
    linked_at INTEGER NOT NULL,
    used_at INTEGER,                         -- NULL: never
    UNIQUE (issuer, subject)
);
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    format TEXT NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    flags INTEGER NOT NULL DEFAULT 0,
    redelivered INTEGER NOT NULL DEFAULT 0,  -- how often the broker delivered it again
    redelivered_at INTEGER                   -- when it did so last
);
INSERT INTO "journal" VALUES(1,'native','telecare/haven/sos-r01/help',X'7B2276223A20312C20226964223A2022682D31222C20227068617365223A202270726573736564227D',1772398820000,0,0,NULL);
INSERT INTO "journal" VALUES(2,'native','telecare/haven/bed-r01/bed',X'7B2276223A20312C20226964223A2022622D31222C2022696E5F626564223A20747275657D',1772398840000,0,0,NULL);
INSERT INTO "journal" VALUES(3,'native','telecare/haven/gps-r01/position',X'7B2276223A20312C20226964223A2022702D31222C20226C6F6E223A2031342E342C20226C6174223A2033352E38392C202261636375726163795F6D223A20357D',1772398860000,0,0,NULL);
INSERT INTO "journal" VALUES(4,'native','telecare/haven/gps-r01/position',X'7B2276223A20312C20226964223A2022702D32222C20226C6F6E223A2031342E342C20226C6174223A2039357D',1772398880000,0,0,NULL);
INSERT INTO "journal" VALUES(5,'native','telecare/haven/fall-r02/fall',X'7B2276223A20312C20226964223A2022662D31222C20227068617365223A20226465746563746564227D',1772398900000,0,0,NULL);
INSERT INTO "journal" VALUES(6,'native','telecare/haven/gps-r07/status',X'7B2276223A20312C20226964223A2022732D31222C2022626174746572795F70657263656E74223A20347D',1772398920000,0,0,NULL);
CREATE TABLE kiosk_codes (
    code_hash TEXT PRIMARY KEY,              -- HMAC with the console's secret
    name TEXT NOT NULL,                      -- where the screen hangs
    made_by TEXT NOT NULL,                   -- carer id
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER                          -- NULL: not used
) WITHOUT ROWID;
CREATE TABLE looks (
    resident TEXT NOT NULL,                  -- '*': a list of the whole house
    seq INTEGER NOT NULL,                    -- audit.seq
    PRIMARY KEY (resident, seq)
) WITHOUT ROWID;
CREATE TABLE notifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,                -- idempotency: gateway.alerts.outbox, with /n for the n-th contact
    alert INTEGER NOT NULL REFERENCES alerts (id),
    purpose TEXT NOT NULL,                   -- alert, reminder, repeat, taken, cleared, undeliverable
    step INTEGER NOT NULL,
    carer TEXT NOT NULL,
    contact INTEGER NOT NULL,                -- which of the carer's contacts, from 0
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    state TEXT NOT NULL,                     -- gateway.notify.states
    attempts INTEGER NOT NULL DEFAULT 0,
    about_at INTEGER,                        -- time of the newest reading that it tells of
    due_at INTEGER NOT NULL,                 -- not to be sent before
    lease_owner TEXT,                        -- the process that has it in hand; void when that process is gone
    lease_until INTEGER,
    created_at INTEGER NOT NULL,
    late_at INTEGER,                         -- when it was found not sent in time, and the next contact was owed too
    settled_at INTEGER,
    provider_id TEXT,
    detail TEXT
, delivered_at INTEGER, read_at INTEGER);
INSERT INTO "notifications" VALUES(1,'1/0.0.0/nora/alert',1,'alert',0,'nora',0,'log','terminal','pending',0,1772398820000,1772398820000,NULL,NULL,1772398820000,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "notifications" VALUES(2,'2/0.0.0/nora/alert',2,'alert',0,'nora',0,'log','terminal','pending',0,1772398900000,1772398900000,NULL,NULL,1772398900000,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "notifications" VALUES(3,'3/0.0.0/nora/alert',3,'alert',0,'nora',0,'log','terminal','pending',0,1772398920000,1772398920000,NULL,NULL,1772398920000,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE passkeys (
    id TEXT PRIMARY KEY,                     -- credential id, base64url
    carer TEXT NOT NULL,
    public_key BLOB NOT NULL,                -- COSE
    sign_count INTEGER NOT NULL,             -- as of the last use; 0: the device does not count
    name TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    used_at INTEGER                          -- NULL: never
) WITHOUT ROWID;
CREATE TABLE password_links (
    token_hash TEXT PRIMARY KEY,             -- SHA-256
    carer TEXT NOT NULL,
    made_by TEXT NOT NULL,                   -- carer id or cli:<user>
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER                          -- NULL: not used; a newer link, or a new password, ends it too
) WITHOUT ROWID;
CREATE TABLE protection (
    resident TEXT PRIMARY KEY,
    level TEXT NOT NULL,                     -- protected, degraded, unprotected
    missing TEXT NOT NULL,                   -- JSON [rules.model.Reason]
    since INTEGER NOT NULL                   -- when the level last changed
) WITHOUT ROWID;
INSERT INTO "protection" VALUES('r01','protected','[]',1772398820000);
INSERT INTO "protection" VALUES('r02','protected','[]',1772398900000);
INSERT INTO "protection" VALUES('r07','degraded','[{"text":"The battery of {device} is at {battery_percent}.","values":{"device":"gps-r07","battery_percent":4.0}}]',1772398920000);
CREATE TABLE push_subscriptions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    carer TEXT NOT NULL,
    endpoint TEXT NOT NULL UNIQUE,
    p256dh TEXT NOT NULL,
    auth TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    gone_at INTEGER,                         -- when its provider said that it is no more
    used_at INTEGER                          -- when a message last went to it
);
CREATE TABLE quarantine (
    frame INTEGER PRIMARY KEY,               -- journal.seq
    why TEXT NOT NULL,                       -- devices.errors.Why
    field TEXT,
    detail TEXT NOT NULL
);
INSERT INTO "quarantine" VALUES(4,'bad_position','lat','95; expected a number of at most 90.0');
CREATE TABLE reading_places (
    resident TEXT NOT NULL,
    kind TEXT NOT NULL,
    seq INTEGER NOT NULL,                    -- readings.seq
    PRIMARY KEY (resident, kind, seq)
) WITHOUT ROWID;
CREATE TABLE reading_places_until (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL
);
INSERT INTO "reading_places_until" VALUES(1,0);
CREATE TABLE readings (
    seq INTEGER PRIMARY KEY,                 -- frame * 4096 + place in its frame: found by frame without an index
    frame INTEGER NOT NULL,                  -- journal.seq
    device TEXT NOT NULL,                    -- the centre's id, or format:address of a device that it does not know
    resident TEXT,                           -- who wore it then; NULL: nobody
    kind TEXT NOT NULL,
    observed_at INTEGER,
    received_at INTEGER NOT NULL,
    fields TEXT NOT NULL                     -- JSON as devices.model writes it
);
INSERT INTO "readings" VALUES(4096,1,'sos-r01','r01','help',NULL,1772398820000,'{"kind":"help","device":"sos-r01","observed_at":null,"event_id":"h-1","phase":"pressed"}');
INSERT INTO "readings" VALUES(8192,2,'bed-r01','r01','bed',NULL,1772398840000,'{"kind":"bed","device":"bed-r01","observed_at":null,"event_id":"b-1","in_bed":true}');
INSERT INTO "readings" VALUES(12288,3,'gps-r01','r01','position',NULL,1772398860000,'{"kind":"position","device":"gps-r01","observed_at":null,"event_id":"p-1","lon":14.4,"lat":35.89,"accuracy_m":5.0,"altitude_m":null,"speed_mps":null,"course_deg":null,"fixed_at":null,"source":null}');
INSERT INTO "readings" VALUES(20480,5,'fall-r02','r02','fall',NULL,1772398900000,'{"kind":"fall","device":"fall-r02","observed_at":null,"event_id":"f-1","phase":"detected"}');
INSERT INTO "readings" VALUES(24576,6,'gps-r07','r07','status',NULL,1772398920000,'{"kind":"status","device":"gps-r07","observed_at":null,"event_id":"s-1","battery_percent":4.0,"low_battery":null,"online":null,"tamper":null,"removed":null,"charging":null,"firmware":null}');
CREATE TABLE requests_once (
    id INTEGER PRIMARY KEY,
    carer TEXT NOT NULL,                     -- who asked
    route TEXT NOT NULL,                     -- method and route, such as POST /api/shelves
    key_hash TEXT NOT NULL,                  -- HMAC of the key
    digest TEXT NOT NULL,                    -- HMAC of address and body: another one is another request
    begun_at INTEGER NOT NULL,
    answer BLOB,                             -- encrypted with the key; NULL: not done yet, or cut off
    UNIQUE (carer, route, key_hash)
);
CREATE TABLE retention_marks (
    kind TEXT PRIMARY KEY,                   -- gateway.store.retention.Kind
    mark TEXT NOT NULL                       -- the place to go on from
) WITHOUT ROWID;
CREATE TABLE retention_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    older_than INTEGER NOT NULL,             -- what was from before that time went
    removed INTEGER NOT NULL
);
CREATE TABLE rota_copies (
    shift TEXT PRIMARY KEY,                  -- the centre's id
    source TEXT NOT NULL,                    -- hash of the address: of another address it is no copy
    text TEXT,                               -- iCalendar; NULL: there never was one
    fetched_at INTEGER,                      -- when it was last fetched, or the same as before
    failed_since INTEGER,                    -- NULL: the last time it could be fetched
    problem TEXT                             -- why not, for a technician
) WITHOUT ROWID;
CREATE TABLE round_checks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    resident TEXT NOT NULL,
    what TEXT NOT NULL,                      -- the line, as gateway.store.care.DueChange says it
    since INTEGER NOT NULL,                  -- of the line: another time is another line
    result TEXT NOT NULL,                    -- gateway.store.rounds.Result
    at INTEGER NOT NULL,
    who TEXT NOT NULL                        -- carer id or cli:<user>
);
CREATE TABLE rule_states (
    resident TEXT PRIMARY KEY,
    states TEXT NOT NULL                     -- JSON {rule key: state}
) WITHOUT ROWID;
INSERT INTO "rule_states" VALUES('r01','{"help":{"of":"help","pressed":{"sos-r01":"2026-03-01T21:00:20Z"},"presses":1,"since":"2026-03-01T21:00:20Z"},"silent:sos-r01":{"of":"silent","heard_at":"2026-03-01T21:00:20Z","gives":["help"]},"bed_exit":{"of":"bed_exit","at":"2026-03-01T21:00:40Z"},"silent:bed-r01":{"of":"silent","heard_at":"2026-03-01T21:00:40Z","usual":{"since":"2026-03-01T21:00:40Z"},"gives":["bed"]},"zone_exit:village":{"of":"zone_exit","device":"gps-r01","good_at":"2026-03-01T21:01:00Z","spot":[14.4,35.89,5.0,"2026-03-01T21:01:00Z"]},"silent:gps-r01":{"of":"silent","heard_at":"2026-03-01T21:01:00Z","placed_at":"2026-03-01T21:01:00Z"}}');
INSERT INTO "rule_states" VALUES('r02','{"fall":{"of":"fall","falls":{"fall-r02":{"stand":"told","at":"2026-03-01T21:01:40Z"}},"lie":{"since":"2026-03-01T21:01:40Z","until":"2026-03-01T21:11:40Z","evidence":[{"frame":5,"kind":"fall","device":"fall-r02","at":"2026-03-01T21:01:40Z"}]}},"silent:fall-r02":{"of":"silent","heard_at":"2026-03-01T21:01:40Z","usual":{"since":"2026-03-01T21:01:40Z"},"gives":["fall"]},"falls_often":{"of":"falls_often","falls":["2026-03-01T21:01:40Z"],"evidence":[{"frame":5,"kind":"fall","device":"fall-r02","at":"2026-03-01T21:01:40Z"}]}}');
INSERT INTO "rule_states" VALUES('r07','{"silent:gps-r07":{"of":"silent","heard_at":"2026-03-01T21:02:00Z","low":true,"battery_percent":4.0},"low_battery:gps-r07":{"of":"low_battery","level":"critical","at":"2026-03-01T21:02:00Z"},"no_movement":{"of":"no_movement","seen_at":"2026-03-01T21:02:00Z","until":"2026-03-02T19:36:00Z","heard_at":"2026-03-01T21:02:00Z","never":true}}');
CREATE TABLE searches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    resident TEXT NOT NULL,
    alert INTEGER REFERENCES alerts (id),    -- when it is closed, the person is found; NULL: ends by hand or by time
    token_hash TEXT NOT NULL UNIQUE,         -- SHA-256
    made_at INTEGER NOT NULL,
    made_by TEXT NOT NULL,                   -- carer id or cli:<user>
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,                        -- NULL: not ended by hand
    ended_by TEXT,
    opened INTEGER NOT NULL DEFAULT 0,       -- how often
    opened_at INTEGER                        -- when last
);
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,                     -- SHA-256 of the cookie's value
    carer TEXT NOT NULL,
    data TEXT NOT NULL,                      -- JSON
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE shelved (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    shelf INTEGER NOT NULL REFERENCES shelves (id),
    incident TEXT NOT NULL,                  -- as alerts.incident
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    times INTEGER NOT NULL DEFAULT 1,
    story TEXT NOT NULL,                     -- JSON gateway.alerts.model.Incident, the newest
    cleared_at INTEGER                       -- it went away by itself; nothing is left to tell
);
CREATE TABLE shelves (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    resident TEXT NOT NULL,
    rule_key TEXT NOT NULL,                  -- as the rule's state is kept: zone_exit:garden
    rule TEXT NOT NULL,
    priority TEXT NOT NULL,                  -- the highest that was shelved knowingly
    why TEXT NOT NULL,
    who TEXT NOT NULL,                       -- carer id or cli:<user>
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,                  -- ends by itself
    ended_at INTEGER,                        -- NULL: in force
    ended_by TEXT                            -- NULL: by itself
);
CREATE TABLE shift_changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    role TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    leaves TEXT,                             -- carer who is not on duty then; NULL: nobody leaves
    comes TEXT,                              -- carer who is on duty instead, or besides; NULL: nobody comes
    swap INTEGER REFERENCES shift_changes (id),  -- the first half of a swap, at its second half
    why TEXT NOT NULL,
    who TEXT NOT NULL,                       -- carer id or cli:<user>
    made_at INTEGER NOT NULL,
    ended_at INTEGER,                        -- taken back; NULL: in force
    ended_by TEXT
);
CREATE TABLE unlinked (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    carer TEXT NOT NULL,
    unlinked_by TEXT NOT NULL,               -- carer id, or cli:<user>
    unlinked_at INTEGER NOT NULL,
    UNIQUE (carer, issuer, subject)
);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX readings_of_alarms ON readings (resident, kind) WHERE kind IN ('help', 'fall');
CREATE UNIQUE INDEX one_open_incident ON alerts (incident) WHERE state != 'closed';
CREATE INDEX alerts_due ON alerts (escalate_at) WHERE escalate_at IS NOT NULL;
CREATE INDEX alerts_open ON alerts (state) WHERE state != 'closed';
CREATE INDEX alert_events_by_alert ON alert_events (alert);
CREATE INDEX notifications_waiting ON notifications (due_at) WHERE state IN ('pending', 'failed_for_now');
CREATE INDEX notifications_by_alert ON notifications (alert);
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE INDEX commands_waiting ON commands (expires_at) WHERE settled_at IS NULL;
CREATE INDEX commands_by_device ON commands (device, created_at);
CREATE INDEX alerts_under ON alerts (under) WHERE under IS NOT NULL;
CREATE INDEX alerts_by_incident ON alerts (incident, id);
CREATE UNIQUE INDEX one_shelf ON shelves (resident, rule_key) WHERE ended_at IS NULL;
CREATE INDEX shelves_due ON shelves (until) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX one_shelved ON shelved (shelf, incident);
CREATE INDEX shift_changes_ahead ON shift_changes (until) WHERE ended_at IS NULL;
CREATE INDEX notifications_by_carer ON notifications (carer, created_at);
CREATE INDEX contact_tests_by_contact ON contact_tests (carer, address_hash, at);
CREATE INDEX push_subscriptions_by_carer ON push_subscriptions (carer) WHERE gone_at IS NULL;
CREATE INDEX searches_by_resident ON searches (resident);
CREATE INDEX notifications_failed ON notifications (channel) WHERE state = 'failed_for_good';
CREATE INDEX looks_by_seq ON looks (seq);
CREATE INDEX break_glass_by_carer ON break_glass (carer, resident, until);
CREATE INDEX break_glass_by_resident ON break_glass (resident, since);
CREATE INDEX consent_log_by_resident ON consent_log (resident, id);
CREATE TRIGGER consent_log_is_never_changed BEFORE UPDATE ON consent_log
BEGIN SELECT RAISE(ABORT, 'the consent log is append-only'); END;
CREATE INDEX retention_runs_by_kind ON retention_runs (kind, id);
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
WHEN OLD.seq > coalesce((SELECT seq FROM audit_head), 0)
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_head_goes_forward BEFORE UPDATE ON audit_head WHEN NEW.seq < OLD.seq
BEGIN SELECT RAISE(ABORT, 'the head of the audit goes forward only'); END;
CREATE INDEX exports_by_resident ON exports (resident, id);
CREATE INDEX searches_by_time ON searches (made_at);
CREATE INDEX care_notes_by_resident ON care_notes (resident, at);
CREATE INDEX care_notes_corrected ON care_notes (corrects) WHERE corrects IS NOT NULL;
CREATE UNIQUE INDEX care_notes_once ON care_notes (who, key) WHERE key IS NOT NULL;
CREATE TRIGGER care_notes_are_never_changed BEFORE UPDATE ON care_notes
BEGIN SELECT RAISE(ABORT, 'a note is never changed: a further note corrects it'); END;
CREATE INDEX alerts_by_resident ON alerts (resident, id) WHERE resident IS NOT NULL;
CREATE INDEX round_checks_by_resident ON round_checks (resident, at);
CREATE INDEX round_checks_by_time ON round_checks (at);
CREATE INDEX api_tokens_by_carer ON api_tokens (carer);
CREATE INDEX passkeys_by_carer ON passkeys (carer);
CREATE UNIQUE INDEX identities_by_carer ON identities (carer, issuer);
CREATE INDEX requests_once_by_time ON requests_once (begun_at);
CREATE INDEX answers_by_alert ON answers (alert);
CREATE INDEX answers_by_time ON answers (at);
CREATE INDEX unlinked_by_account ON unlinked (issuer, subject);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('alerts',3);
INSERT INTO "sqlite_sequence" VALUES('notifications',3);
COMMIT;
