import neostandard, { plugins } from 'neostandard'

const WIDTH = { code: 140, ignoreUrls: true, ignoreRegExpLiterals: true }

export default [
  ...neostandard({ ts: true, ignores: ['dist/', 'data/', 'coverage/', '.tap/', 'src/gen/', 'test/types/cases/'] }),
  {
    rules: {
      '@stylistic/max-len': ['error', { ...WIDTH, ignoreStrings: true, ignoreTemplateLiterals: true }]
    }
  },
  {
    // A text that has a line to itself stays whole, so that it can be searched for. In tests rows of data stay rows.
    files: ['{src,schemas,openapi,scripts}/**/*.{ts,js,mjs}'],
    rules: {
      '@stylistic/max-len': ['error', { ...WIDTH, ignorePattern: '^\\s*([\\w\'-]+: )?([\'"`/]).*\\2,?$' }]
    }
  },
  {
    files: ['src/**/*.ts', 'schemas/**/*.ts', 'openapi/**/*.ts', 'test/**/*.ts'],
    ignores: ['test/sdk/programs/**'],
    languageOptions: { parserOptions: { project: 'tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    plugins: { '@typescript-eslint': plugins['typescript-eslint'].plugin },
    rules: {
      // A promise that nobody waits for is an event of the audit log that is lost. tap itself waits for its tests.
      '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafePromises: [{ from: 'package', package: '@tapjs/core', name: 'PromiseWithSubtest' }] }],
      '@typescript-eslint/no-misused-promises': 'error'
    }
  }
]
