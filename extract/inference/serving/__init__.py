"""Page in the browser and HTTP API for one model; Gradio shows and transports them."""
