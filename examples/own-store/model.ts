/**
 * Random lives on a store of one's own and on the memory store, which must answer the same: `npm i -D fast-check`, then
 * `node --test model.ts`. A life that fails is shortened, and printed with what it takes to play it again.
 */
import { test } from 'node:test'
import { compareWithMemory } from '@millrace/core/model'
import { openHome } from './home.ts'

void test('random lives are the same as on the memory store', () => compareWithMemory(openHome, { runs: 10 }))
