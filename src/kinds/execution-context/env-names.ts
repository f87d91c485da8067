/**
 * Names that some `sh` keeps for itself: assigning to them fails, ends the script, or gives another value than was assigned. As tried
 * with bash, also as `sh`, dash and the ash of busybox; with what newer and older releases of bash are documented to keep.
 */
const SHELL = namesOf(`
  BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND BASH_LINENO BASH_MONOSECONDS BASH_REMATCH
  BASH_SOURCE BASH_SUBSHELL BASH_VERSINFO DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME GROUPS HISTCMD LINENO OPTIND PIPESTATUS
  PPID RANDOM SECONDS SHELLOPTS SHLVL SRANDOM UID _
`)

/** Names that the runner of GitHub Actions gives its own values in each step, whatever $GITHUB_ENV says. The rest of GITHUB_* is free. */
const RUNNER = namesOf(`
  GITHUB_ACTION GITHUB_ACTIONS GITHUB_ACTION_PATH GITHUB_ACTION_REF GITHUB_ACTION_REPOSITORY GITHUB_ACTOR GITHUB_ACTOR_ID GITHUB_API_URL
  GITHUB_ARTIFACTS GITHUB_ARTIFACTS_LIST GITHUB_BASE_REF GITHUB_ENV GITHUB_EVENT_NAME GITHUB_EVENT_PATH GITHUB_GRAPHQL_URL GITHUB_HEAD_REF
  GITHUB_JOB GITHUB_OUTPUT GITHUB_PATH GITHUB_REF GITHUB_REF_NAME GITHUB_REF_PROTECTED GITHUB_REF_TYPE GITHUB_REPOSITORY
  GITHUB_REPOSITORY_ID GITHUB_REPOSITORY_OWNER GITHUB_REPOSITORY_OWNER_ID GITHUB_RETENTION_DAYS GITHUB_RUN_ATTEMPT GITHUB_RUN_ID
  GITHUB_RUN_NUMBER GITHUB_SERVER_URL GITHUB_SHA GITHUB_STATE GITHUB_STEP_SUMMARY GITHUB_TRIGGERING_ACTOR GITHUB_WORKFLOW
  GITHUB_WORKFLOW_REF GITHUB_WORKFLOW_SHA GITHUB_WORKSPACE
  RUNNER_ARCH RUNNER_DEBUG RUNNER_ENVIRONMENT RUNNER_NAME RUNNER_OS RUNNER_TEMP RUNNER_TOOL_CACHE RUNNER_WORKSPACE
`)

/** Whether a name is one that a program's variable may have in any shell. */
export const isVariable = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)

/** Whether a shell may not hold the variable as it is assigned. */
export const isOfShell = (name: string): boolean => SHELL.has(name)

/** Whether the runner of GitHub Actions may not hold the variable as $GITHUB_ENV sets it. On Windows it knows no case. */
export const isOfRunner = (name: string): boolean => name.toUpperCase() === 'NODE_OPTIONS' || RUNNER.has(name.toUpperCase())

function namesOf (text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/))
}
