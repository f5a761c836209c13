from retort._library import library

__version__: str = library.version
