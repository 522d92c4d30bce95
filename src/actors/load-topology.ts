/**
 * Loads the user's module, `.ts` through jiti (no build, no flags) and `.js` as it is, and finds the topology it
 * exports. Supervisor and workers load it the same way and compare definitions.
 */
import type { Jiti } from 'jiti'
import { userError } from '../base/errors.ts'
import { nodeSeam } from '../base/real/node-seam.ts'
import { isTopology, type Topology } from '../topology/topology.ts'

let jiti: Jiti | null = null

/** The loader is a quarter of what a worker's start costs: it comes where there is TypeScript. */
async function importTypeScript(url: string): Promise<unknown> {
  const { createJiti } = await import('jiti')
  jiti ??= createJiti(import.meta.url, { interopDefault: false })
  return jiti.import(url)
}

/**
 * While a user's module is being imported, starting a system is refused. The refusal is kept: a module that does not
 * wait for what it starts never sees it.
 */
export const importing: { depth: number; refusal: Error | null } = { depth: 0, refusal: null }

/** @throws user error `module` when the module cannot be imported */
export async function loadModule(url: string): Promise<Readonly<Record<string, unknown>>> {
  importing.depth++
  importing.refusal = null
  try {
    const isTypeScript = /\.[cm]?tsx?$/.test(new URL(url).pathname)
    const loaded = (await (isTypeScript ? importTypeScript(url) : import(url))) as Readonly<Record<string, unknown>>
    if (importing.refusal !== null) throw importing.refusal
    return loaded
  } catch (error) {
    if ((error as { kind?: string }).kind === 'user') throw error
    const message = (error as Error)?.message ?? String(error)
    // Of JavaScript, Node tells the place only when it ends of it.
    const where = error instanceof SyntaxError ? `; 'node --check' on the file shows the place` : ''
    throw userError('module', `cannot load ${decodeURI(url)}: ${message}${where}`, error)
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

/** @throws user error `module` where there is none */
export function moduleUrl(what: URL | string): string {
  const url = what instanceof URL || what.startsWith('file:') ? new URL(what) : nodeSeam.files.url(what)
  if (!nodeSeam.files.exists(nodeSeam.files.path(url))) {
    throw userError('module', `there is no module ${nodeSeam.files.path(url)}: check the path`)
  }
  if (!/\.[cm]?[jt]sx?$/.test(url.pathname) || nodeSeam.files.isDirectory(nodeSeam.files.path(url))) {
    throw userError(
      'module',
      `${nodeSeam.files.path(url)} is no module: give a .ts, .js or .mjs file that exports a topology`,
    )
  }
  return url.href
}
