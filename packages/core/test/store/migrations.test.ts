import { expect, test } from 'vitest'
import { statementsIn } from '../../src/store/migrations.ts'

test.each([
  ['', 0],
  [' -- nothing; at all\n', 0],
  ['SELECT 1', 1],
  ["SELECT ';', 'it''s; so'; -- don't;\nSELECT 2;\n", 2],
  ["CREATE FUNCTION f() AS $$ BEGIN; -- it's\n RETURN ';'; END; $$;\nDROP FUNCTION f;", 2],
])('%j has %i statements', (script, count) => {
  expect(statementsIn(script)).toBe(count)
})
