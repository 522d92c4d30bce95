/** Each planted bug is noticed by the oracle within 1,500 cases. `BUG=text` runs those whose names contain it. */
import os from 'node:os'
import t from 'tap'
import { testPlanted } from '../planted-run.ts'
import { planted } from './planted.ts'

// Each is a process of its own.
t.jobs = os.availableParallelism()

testPlanted(t, planted, { script: 'test/oracle/main.mjs', argsOf: () => ['--cases', '1500'] })
