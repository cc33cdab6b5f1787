// How the generator is set up: the schema from its file, documents from the program, types beside it.
import type { CodegenConfig } from '@graphql-codegen/cli';

const config: CodegenConfig = {
  schema: '../../../schema.graphql',
  documents: 'chat.ts',
  generates: {
    'gql/': {
      preset: 'client',
      // A fragment's fields are read where it is spread; masking them is a matter of taste.
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: 'string',
        enumsAsTypes: true,
        importExtension: '.js',
        emitLegacyCommonJSImports: false,
        scalars: { DateTime: 'string', ID: 'string' },
        strictScalars: true,
        useTypeImports: true,
      },
    },
  },
};

export default config;
