"""Says whether the JSON on standard input is as a schema of draft 4 has it, and whether the schema is one."""
import json
import sys

import jsonschema

with open(sys.argv[1], encoding="utf-8") as f:
    schema = json.load(f)
jsonschema.Draft4Validator.check_schema(schema)
wrong = [e.message for e in jsonschema.Draft4Validator(schema).iter_errors(json.load(sys.stdin))]
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
