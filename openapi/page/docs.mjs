// The page at /docs: Swagger UI over the gateway's own document.

const { SwaggerUIBundle, document, matchMedia, sessionStorage } = globalThis
const DOCUMENT = new URL('../json', import.meta.url).href
/** What a call needs to find a context, by the parameter's name; prefilled from the last one that this page created. */
const FINDS_A_CONTEXT = ['id', 'slug', 'execution_id']
const LAST = 'ectx-last-context'

function lastContext () {
  try {
    return JSON.parse(sessionStorage.getItem(LAST)) ?? {}
  } catch {
    return {}
  }
}

const prefilled = (name, required) => required && FINDS_A_CONTEXT.includes(name)

const operationsOf = ({ paths }) => Object.entries(paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })))

/** The document as people read it: only what a call cannot do without is prefilled, and failures take one place. */
function forPeople (document) {
  const last = lastContext()
  const { parameters, responses, schemas } = document.components
  for (const part of Object.values({ ...parameters, ...schemas })) delete part.example
  for (const { operation } of operationsOf(document)) {
    for (const parameter of operation.parameters) {
      if (prefilled(parameter.name, parameter.required)) parameter.example = last[parameter.name] ?? parameter.example
      // Of an object the page would make one up.
      else if (parameter.schema?.type === 'object') parameter.example = {}
      else delete parameter.example
    }
    foldProblems(operation, responses)
  }
  return document
}

function foldProblems (operation, components) {
  const rows = Object.entries(operation.responses)
    .filter(([status]) => status >= 400)
    .map(([status, { $ref }]) => {
      delete operation.responses[status]
      const { content, description } = components[$ref.split('/').at(-1)]
      return `| ${status} | \`${content['application/problem+json'].example.code}\` | ${description} |`
    })
  const { content, description } = components.Problem
  const head = ['Whatever is no success is a problem document.', '', '| status | code | |', '|---|---|---|']
  const lines = [...head, ...rows, `| other | | ${description} |`]
  operation.responses.default = { content, description: lines.join('\n') }
}

/** Puts the context of `response` where its id, its slug or its execution is asked for, unless somebody wrote another there. */
function remember ({ specActions, specSelectors }, response) {
  if (response.status !== 201) return
  const { metadata: { id, slug }, spec: { execution_id: execution } } = JSON.parse(response.text)
  const made = { id, slug, execution_id: execution }
  const before = lastContext()
  sessionStorage.setItem(LAST, JSON.stringify(made))
  for (const { path, method } of operationsOf(specSelectors.specJson().toJS())) {
    const at = ['paths', path, method]
    const operation = specSelectors.specResolvedSubtree(at) ?? specSelectors.specJson().getIn(at)
    for (const parameter of operation.get('parameters')) {
      const name = parameter.get('name')
      if (!prefilled(name, parameter.get('required'))) continue
      const written = specSelectors.parameterWithMetaByIdentity([path, method], parameter).get('value')
      if ([undefined, '', parameter.get('example'), before[name]].includes(written)) {
        specActions.changeParamByIdentity([path, method], parameter, made[name], false)
      }
    }
  }
}

const page = system => ({
  statePlugins: {
    spec: {
      wrapActions: {
        updateJsonSpec: update => document => update(forPeople(document)),
        setResponse: set => (path, method, response) => {
          set(path, method, response)
          remember(system, response)
        }
      }
    }
  }
})

const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', follow)
follow()

SwaggerUIBundle({
  dom_id: '#swagger-ui',
  url: DOCUMENT,
  // Without a top bar: that offers other servers' documents and has an inline style, and both are refused.
  layout: 'BaseLayout',
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [page],
  validatorUrl: null,
  tryItOutEnabled: true,
  persistAuthorization: true,
  deepLinking: true,
  filter: true,
  defaultModelExpandDepth: 3,
  defaultModelsExpandDepth: 0
})
