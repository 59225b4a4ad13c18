// The workflow that publishes the folder on GitHub Pages when it is pushed as a repository.

export const WORKFLOW_FILE = ".github/workflows/pages.yml";

export const WORKFLOW = `# Publishes this folder on GitHub Pages. Once, in the repository: Settings > Pages > Source: GitHub Actions.
name: Pages

on:
  push:
    branches: [main]
  workflow_dispatch:

permissions:
  contents: read
  pages: write
  id-token: write

concurrency:
  group: pages
  cancel-in-progress: false

jobs:
  publish:
    runs-on: ubuntu-latest
    environment:
      name: github-pages
      url: \${{ steps.deployment.outputs.page_url }}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/configure-pages@v5
      - uses: actions/upload-pages-artifact@v3
        with:
          path: .
      - id: deployment
        uses: actions/deploy-pages@v4
`;
