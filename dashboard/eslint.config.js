import js from "@eslint/js";
import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  { ignores: ["dist", "eslint.config.js"] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // Numbers in template strings are intended.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // `() => doThat()` is how handlers are written.
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
    },
  },
  { files: ["src/**"], extends: [a11y.flatConfigs.strict, hooks.configs.flat.recommended] },
  // The page is not built with React's compiler, which this rule concerns.
  { files: ["src/**"], rules: { "react-hooks/incompatible-library": "off" } },
);
