/**
 * The house rules, as functions from the text of a file to the places that break one. They read the syntax tree, not
 * lines, so that comments and strings never count. `tidy.test.ts` runs them over the repository.
 */
import { posix } from 'node:path'
import ts from 'typescript'

/** A file by its path from the root of the repository, with `/` between folders. */
export interface TextFile {
  readonly path: string
  readonly text: string
}

/** What a rule says of one file: `path:line: the fact; the remedy`, nothing where the file keeps the rule. */
export type Rule = (file: TextFile) => string[]

const upToRecovery = ['base', 'records', 'storage', 'mailbox', 'operators', 'recovery']
const upToConnectors = [...upToRecovery, 'topology', 'connectors']
const upToPlatform = [...upToConnectors, 'actors', 'platform']

/** What each folder of `src` may import besides itself: folders, or single files of a folder. */
const floors: Readonly<Record<string, readonly string[]>> = {
  base: [],
  records: ['base'],
  storage: ['base', 'records'],
  mailbox: ['base', 'records'],
  operators: ['base', 'records', 'storage/table.ts', 'storage/environment.ts'],
  recovery: ['base', 'records', 'storage', 'mailbox'],
  topology: upToRecovery,
  connectors: ['base', 'records', 'operators', 'topology'],
  actors: upToConnectors,
  platform: [...upToConnectors, 'actors'],
  serving: upToPlatform,
  console: [...upToPlatform, 'serving'],
  cli: [...upToPlatform, 'serving', 'console'],
  testing: [...upToConnectors, 'actors', 'serving'],
  'index.ts': [...upToPlatform, 'serving', 'console', 'cli', 'testing'],
}

/** The only files that may touch the outside: whole folders end in `/`. A new one needs a reason in its review. */
const outside = [
  'src/base/real/',
  'src/storage/lmdb-environment.ts',
  'src/actors/piscina-workers.ts',
  'src/actors/real/',
  'src/cli/',
  // Where simulated time comes to rest between two tasks.
  'src/testing/world.ts',
]

const impureModules = new Set([
  'lmdb',
  'piscina',
  ...['child_process', 'fs', 'fs/promises', 'net', 'timers', 'timers/promises', 'worker_threads'].flatMap((name) => [
    name,
    `node:${name}`,
  ]),
])
const timers = new Set(['setTimeout', 'setInterval', 'setImmediate'])
const impureMembers = new Set(['Date.now', 'Math.random', 'performance.now', 'process.hrtime'])

const linesMax = 300

/** Imports go down the floors only, file by file. */
export const floorRule: Rule = (file) => {
  const owner = file.path.split('/')[1]!
  const allowed = floors[owner]
  if (allowed === undefined) return [`${file.path}:1: ${owner} stands on no floor; give it one in test/tidy/rules.ts`]
  const mayImport = [owner, ...allowed]
  const remedy = `src/${owner} may import ${allowed.join(', ') || 'nothing of ours'}; move what both need to a lower floor`
  return importsOf(file).flatMap(({ specifier, line }) => {
    if (/^umbel(\/|$)/.test(specifier)) return [`${file.path}:${line}: imports ${specifier}; inside, import the file`]
    if (!specifier.startsWith('.')) return []
    const target = posix.join(posix.dirname(file.path), specifier)
    const isAllowed = mayImport.some((one) => target === `src/${one}` || target.startsWith(`src/${one}/`))
    return isAllowed ? [] : [`${file.path}:${line}: imports ${target}; ${remedy}`]
  })
}

/** The outside is reached through `src/base/seam.ts`, so that a simulation can stand in for it. */
export const seamRule: Rule = (file) => {
  if (outside.some((path) => file.path === path || (path.endsWith('/') && file.path.startsWith(path)))) return []
  const remedy = 'take it from the seam (src/base/seam.ts), or move the file to one of those that tidy lists as outside'
  const imported = importsOf(file).filter(({ specifier }) => impureModules.has(specifier))
  const used = nodesOf(file).flatMap(({ node, line }) => {
    const name = impureUse(node)
    return name === undefined ? [] : [{ specifier: name, line }]
  })
  return [...imported, ...used].map(({ specifier, line }) => `${file.path}:${line}: uses ${specifier}; ${remedy}`)
}

/** Past the limit, a file has two subjects. */
export const sizeRule: Rule = ({ path, text }) => {
  const lines = text.trimEnd().split('\n').length
  return lines > linesMax ? [`${path}:${lines}: is over ${linesMax} lines; give its second subject a file`] : []
}

export const anyRule: Rule = (file) =>
  nodesOf(file)
    .filter(({ node }) => node.kind === ts.SyntaxKind.AnyKeyword)
    .map(({ line }) => `${file.path}:${line}: says any; name the type, or take unknown and narrow it`)

/** A door lists what it offers by hand: a new export is then a decision. */
export const doorRule: Rule = (file) => {
  if (posix.basename(file.path) !== 'index.ts') return []
  return nodesOf(file)
    .filter(
      ({ node }) => ts.isExportDeclaration(node) && (!node.exportClause || ts.isNamespaceExport(node.exportClause)),
    )
    .map(({ line }) => `${file.path}:${line}: has export *; list the names by hand`)
}

/** No text names a machine: neither a path of one nor the registry it installs from. */
export const machineRule: Rule = ({ path, text }) => {
  const configured = process.env.npm_config_registry
  const hosts = ['registry\\.(?:npmjs|yarnpkg|npmmirror)\\.(?:org|com)', '"resolved": *"https?:']
  if (configured !== undefined) hosts.push(new URL(configured).host.replaceAll('.', '\\.'))
  const registry = new RegExp(hosts.join('|'))
  const machinePath = /(?<![\w.:/-])\/(?:work|home|root)(?![\w-])/
  return text.split('\n').flatMap((line, i) => {
    if (machinePath.test(line))
      return [`${path}:${i + 1}: holds a path of one machine; make it relative or an argument`]
    if (registry.test(line)) return [`${path}:${i + 1}: names a registry; leave that to the npm configuration`]
    return []
  })
}

interface Found {
  readonly node: ts.Node
  readonly line: number
}

/** All nodes of the syntax tree, in order. */
function nodesOf({ path, text }: TextFile): Found[] {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true)
  const found: Found[] = []
  const visit = (node: ts.Node): void => {
    found.push({ node, line: tree.getLineAndCharacterOfPosition(node.getStart()).line + 1 })
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

/** What a file imports by any form: import, export from, import(), import types, require(). */
function importsOf(file: TextFile): { specifier: string; line: number }[] {
  return nodesOf(file).flatMap(({ node, line }) => {
    const from = importedBy(node)
    return from !== undefined && ts.isStringLiteralLike(from) ? [{ specifier: from.text, line }] : []
  })
}

function importedBy(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined
  if (!ts.isCallExpression(node)) return undefined
  const isRequire = ts.isIdentifier(node.expression) && node.expression.text === 'require'
  return isRequire || node.expression.kind === ts.SyntaxKind.ImportKeyword ? node.arguments[0] : undefined
}

/** The clock, timer or randomness that a node uses, if it does. `new Date(x)` formats a given time and is pure. */
function impureUse(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) {
    const name = node.getText().replace(/^globalThis\./, '')
    return impureMembers.has(name) || (timers.has(name) && node.getText() !== name) ? name : undefined
  }
  if (ts.isIdentifier(node)) return timers.has(node.text) && !isOwnName(node) ? node.text : undefined
  const isDate = (ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText() === 'Date'
  if (!isDate) return undefined
  if (ts.isCallExpression(node)) return 'Date()'
  return node.arguments?.length ? undefined : 'new Date()'
}

/** Whether an identifier names a member or a declaration of ours, rather than the global. */
function isOwnName(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isShorthandPropertyAssignment(parent)) return false
  return 'name' in parent && parent.name === node
}
