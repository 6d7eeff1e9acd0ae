"""What a page's script knows, asked from a test."""

import json


def caller(page):
    """Return a function that runs JavaScript beside the page's script, with arguments in JSON."""

    def call(code, *given):
        code = f"async given => JSON.stringify(await ({code})(...JSON.parse(given)))"
        return json.loads(page.evaluate(code, json.dumps(given)))

    return call
