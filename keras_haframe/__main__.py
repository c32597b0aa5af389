"""`python -m keras_haframe` is the `haframe` command."""

import sys

from keras_haframe.cli import main

sys.exit(main())
