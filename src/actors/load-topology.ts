/**
 * Loads the user's module, `.ts` through jiti (no build, no flags) and `.js` as it is, and finds the topology it
 * exports. Supervisor and workers load it the same way and compare definitions.
 */
import { createJiti } from 'jiti'
import { userError } from '../base/errors.ts'
import { isTopology, type Topology } from '../topology/topology.ts'

const jiti = createJiti(import.meta.url, { interopDefault: false })

/** True while a user's module is being imported: starting a system then is refused. */
export const importing = { depth: 0 }

/** @throws user error `module` when the module cannot be imported */
export async function loadModule(url: string): Promise<Readonly<Record<string, unknown>>> {
  importing.depth++
  try {
    return /\.[cm]?tsx?$/.test(new URL(url).pathname) ? await jiti.import(url) : await import(url)
  } catch (error) {
    if ((error as { kind?: string }).kind === 'user') throw error
    const message = (error as Error)?.message ?? String(error)
    throw userError('module', `cannot load ${decodeURI(url)}: ${message}`, error)
  } finally {
    importing.depth--
  }
}

/**
 * @param url the module as a `file:` URL
 * @throws user error `module` when it cannot be imported, `export` when it does not export a topology by that name
 */
export async function loadTopology(url: string, name: string): Promise<Topology> {
  const loaded = await loadModule(url)
  const found = loaded[name]
  if (isTopology(found)) return found
  const topologies = Object.keys(loaded).filter((key) => isTopology(loaded[key]))
  const remedy =
    topologies.length > 0
      ? `it exports ${topologies.map((key) => `'${key}'`).join(', ')}: name one with --export`
      : "write 'export default topology(...)' in it"
  throw userError('export', `${decodeURI(url)} exports no topology as '${name}'; ${remedy}`)
}
