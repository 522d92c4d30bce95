/** The simulation: see docs/testing.md. */
export { CRASH_POINTS, type Fault, planFaults } from './faults.ts'
export { below, pick, type Random, seededRandom } from './random.ts'
export type { Scenario, SimulatedRun } from './scenario.ts'
export { simulate } from './simulation.ts'
export { endOwnThread, LifeEnded, ownThread } from './world.ts'
